// The words of help of what asks a running relay.
#include "app/operate_help.h"

namespace baton::app {
namespace {

constexpr std::string_view kAccountsHelp =
    R"(baton accounts: how the accounts of a running relay stand, and what is to become of them.

  baton accounts               List them, with what is left of their limits.
  baton accounts drain NAME    No new calls but those for its own batches and files; open calls
                               finish.
  baton accounts park NAME     No calls at all; open calls finish.
  baton accounts release NAME  Ends both, and what else keeps the account out, but never a time
                               that the vendor named.
  baton accounts test [NAME]   Ask it, or each of them, for its models and for a count of tokens.
                               That is real and costs nothing. Exits with 1 if one fails.

What is said of an account holds over restarts, until it is released.

  --reason TEXT        Why, for who looks next. (drain, park, release)
  --admin ADDR:PORT    The relay's operator's port. Usually what the configuration says.
  --ca FILE            Whom to trust there, or its certificate itself: it is asked over TLS.
  --config FILE        The relay's configuration, for its port and its data_dir.
  --data-dir DIR       The folder itself, which holds admin.token.
  --json               Print JSON.
  --help               Print this.
)";

constexpr std::string_view kCacheHelp =
    R"(baton cache: the replies that a running relay keeps, to answer the same question again.

  baton cache          How many there are, and what they have answered and saved.
  baton cache purge    Take out those for which everything that is named holds, at once. What is
                       being answered meanwhile is not kept.

  --tenant NAME        Those of this client or key. (purge)
  --tag TAG            Those whose call had this tag: of its own, or of its key. (purge)
  --key KEY            The one whose replies say so in baton-cache-key. (purge)
  --all                All of them. (purge)
  --admin ADDR:PORT    The relay's operator's port. Usually what the configuration says.
  --ca FILE            Whom to trust there, or its certificate itself: it is asked over TLS.
  --config FILE        The relay's configuration, for its port and its data_dir.
  --data-dir DIR       The folder itself, which holds admin.token.
  --json               Print JSON.
  --help               Print this.
)";

constexpr std::string_view kTailHelp =
    R"(baton tail: calls as they end, or the story of one.

  baton tail               Follow the calls of a running relay, 20 a second at most.
  baton tail REQUEST_ID    Tell one call that has ended: each attempt, its account, the waiting,
                           the tokens, the dollars. The id is that of the reply's field
                           request-id or baton-request-id.

No content of a call is shown, for none is kept.

  --admin ADDR:PORT    The relay's operator's port. Usually what the configuration says.
  --ca FILE            Whom to trust there, or its certificate itself: it is asked over TLS.
  --config FILE        The relay's configuration, for its port and its data_dir.
  --data-dir DIR       The folder itself, which holds admin.token.
  --json               Print JSON, one object per call.
  --help               Print this.
)";

constexpr std::string_view kTopHelp =
    R"(baton top: a running relay at a glance, once a second: calls, times, tokens, money, accounts.

  --once               Print it once. Also done when the output is not a terminal.
  --admin ADDR:PORT    The relay's operator's port. Usually what the configuration says.
  --ca FILE            Whom to trust there, or its certificate itself: it is asked over TLS.
  --config FILE        The relay's configuration, for its port and its data_dir.
  --data-dir DIR       The folder itself, which holds admin.token.
  --json               Print JSON, one object per second.
  --help               Print this.

Ctrl-C ends it.
)";

constexpr std::string_view kAuditHelp =
    R"(baton audit: who changed what, by the operator's API or with `baton keys`.

  baton audit verify   Check that nothing in the log was changed, taken out or put in, and print
                       the hash of its last entry. Exits with 1 if something was.
  baton audit list     Print the last entries, one JSON object per line.

It needs no running relay.

  --config FILE        The relay's configuration, for its data_dir.
  --data-dir DIR       The folder itself.
  --json               Print JSON.
  --help               Print this.
)";

constexpr std::string_view kConformanceHelp =
    R"(baton conformance: try a gateway against what clients of Claude rely on.

  baton conformance URL    Play every row against the gateway at this URL.

It brings its own upstream: start it, or have it ready, with the gateway's base URL for the
vendor set to http://127.0.0.1:8790 and any key. Each row is a rule with the calls that show
whether it is kept: what reached the upstream, and what came back to the client. With two
accounts that lead to that upstream (two keys, or two paths) the rows about several accounts
are played too. Never point it at a gateway that others use: it is shown errors.

  --upstream ADDR:PORT  Where the upstream listens. Usually 127.0.0.1:8790; 0.0.0.0 for a
                       gateway in a container.
  --key KEY            What the gateway lets in. Usually any.
  --only NAME,...      Only rows that begin with these names, and the first.
  --list               Print the rows and exit.
  --slow               Also play rows that take longer than ten seconds.
  --endless-line SIZE  Of the line without an end. Usually 16MiB.
  --ca-file FILE       Whom to trust for an https URL, instead of the system's list.
  --json               Print JSON.
  --help               Print this.

It exits with 0 when no row failed, with 1 when one did.
)";

constexpr std::string_view kCompletionsHelp =
    R"(baton completions: print what makes a shell complete baton's words.

  baton completions bash   Then: source <(baton completions bash)
  baton completions zsh    Then: baton completions zsh > "${fpath[1]}/_baton"
  baton completions fish   Then: baton completions fish > ~/.config/fish/completions/baton.fish
)";

constexpr std::string_view kManHelp =
    R"(baton man: print the manual page, for example

  baton man > /usr/local/share/man/man1/baton.1
)";

}  // namespace

std::string_view operate_help(std::string_view command) {
  if (command == "accounts") return kAccountsHelp;
  if (command == "cache") return kCacheHelp;
  if (command == "tail") return kTailHelp;
  if (command == "top") return kTopHelp;
  if (command == "audit") return kAuditHelp;
  if (command == "conformance") return kConformanceHelp;
  if (command == "completions") return kCompletionsHelp;
  if (command == "man") return kManHelp;
  return {};
}

}  // namespace baton::app
