// Every word of help.
#include "app/cli.h"
#include "app/operate_help.h"

namespace baton::app {
namespace {

constexpr std::string_view kOverview =
    R"(Baton is a relay for the Claude API: it stands between programs and the vendor.

  baton serve      Relay calls. This is the command to start with.
  baton sim        Play the Claude API, to test programs without a key or a bill.
  baton keys       Make, list, rotate and revoke keys, while the relay runs.
  baton teams      What teams may spend, and have spent.
  baton usage      What was used and spent, by key, model, account, tag or day.
  baton accounts   How the accounts stand; drain, park, release or test one.
  baton cache      The replies that are kept; take some or all of them out.
  baton tail       Calls as they end, or the story of one.
  baton top        A running relay at a glance.
  baton audit      Who changed what.
  baton conformance  Try any gateway against what clients of Claude rely on.
  baton version    Print the version.
  baton help       Print this; "baton help serve" tells about one command.

A first try, without any configuration:

  export ANTHROPIC_API_KEY=...    your key; without it, the simulator answers
  baton serve

and in the shell of the program that calls:

  export ANTHROPIC_BASE_URL=http://127.0.0.1:8787

docs/config.md describes every setting.
)";

constexpr std::string_view kServeHelp =
    R"(baton serve: relay calls to the Claude API.

Without --config, the key is taken from ANTHROPIC_API_KEY. Without that either, the
built-in simulator answers, and every reply says so.

  --config FILE        Read the settings from this YAML file.
  --check              Only read the configuration: say what is wrong with it and exit.
  --listen ADDR:PORT   Where clients call; replaces the file's. Usually 127.0.0.1:8787.
                       Port 0 takes any free one.
  --admin ADDR:PORT    Where metrics and health are. Usually 127.0.0.1:8788.
  --threads N          Event loops. Usually one per core.
  --data-dir DIR       Where keys and the ledger lie; replaces the file's.
  --print-key          Make a client key that is valid until Baton stops, and print it.
                       For containers: with it Baton may listen beyond this host.
  --take-over          Replace the relay that serves from the same data folder: take its
                       sockets, so that nobody is refused, and let it finish its calls.
                       If this one cannot start, the other goes on. Without one: start.
  --help               Print this.

Baton stops on SIGTERM or Ctrl-C, after open streams have finished. It exits with 0
when it was asked to stop, and with 2 when the configuration or the command line is wrong.
)";

constexpr std::string_view kSimHelp =
    R"(baton sim: play the Claude API.

Answers, tokens and errors are drawn from a seed, so that a run can be repeated.
Any key is accepted, unless the file says otherwise.

  --listen ADDR:PORT   Where to answer. Usually 127.0.0.1:8789. Port 0 takes any free one.
  --config FILE        Read the `sim` section of this YAML file: organizations, keys, limits.
  --seed N             Start from another seed.
  --first-token TIME   From a request to its first token. Usually 200ms.
  --per-token TIME     Between tokens. Usually 20ms.
  --output-tokens N    Length of a usual answer. Usually 40.
  --batch-duration TIME  How long a batch takes. Usually 5s.
  --rate-limited SHARE Answer this share of requests with 429. A share is 0 to 1.
  --overloaded SHARE   Answer this share with 529.
  --server-error SHARE Answer this share with 500.
  --reset SHARE        Cut this share of connections in the middle of the reply.
  --stream-error SHARE Put an error event into the middle of this share of streams.
  --threads N          Event loops. Usually one per core.
  --help               Print this.

Times have a unit: 250ms, 10s, 15m.
)";

constexpr std::string_view kKeysHelp =
    R"(baton keys: who may call, changed while the relay runs. It notices within a second.

  baton keys create NAME   Make a key and print it. It is shown this once and kept nowhere.
  baton keys import NAME   Take over a key that was made elsewhere, by its SHA-256 alone.
  baton keys set NAME      Change what a key may do; what is not named stays.
  baton keys list          The keys there are, each with its first characters.
  baton keys rotate NAME   Give the key another secret; the old one stops working.
  baton keys revoke NAME   The key stops working for good.

With the first key, calls without one stop being served, from this host too.

create, import and set take:
  --team TEAM          Whom the key belongs to, for sums.
  --tags TAG,...       Tags of all its calls, such as env=ci.
  --ttl TIME           How long it is valid: 12h, 30d. Usually for good.
  --models ID,...      Only these models; claude-haiku-* is all that begin so.
  --endpoints NAME,... Only these: messages, count_tokens, batches, models, files, other.
  --rpm N              Requests per minute.
  --concurrency N      Calls at a time.
  --budget AMOUNT      Dollars a day or a month (UTC): 50/day, 500/month. May be given
                       for both. A key with a budget uses only models with a price.
  --reserve HOW        What a call takes of it until its cost is known: learned (usual),
                       strict (the most it can cost: never overspent), or cap:0.50.
  --tpm N              Tokens per minute: input, cache writes and output together.
  --accounts NAME,...  Only these accounts; org-* is all that begin so.
  --groups NAME,...    Only accounts of these groups; with --accounts, either will do.
  --from CIDR,...      Only from these addresses, such as 10.0.0.0/8.
  --cache WHEN         Replies may be reused: default (as each call says), on, off.
  --priority LEVEL     low, normal or high: a share of the queue beside other teams
                       (1:4:16), and before its own team's less urgent calls.
set also takes: any for a list, 0 for a number, --ttl never, --budget none.
import takes:
  --sha256 HEX         The key's SHA-256: printf %s "$KEY" | sha256sum
create takes:
  --signing            A key that is never sent: requests are signed with it.
  --legacy             With --signing: also in the form timestamp:body, which binds less.
rotate takes:
  --grace TIME         How long the old secret still works. Usually 0.
all take:
  --config FILE        The relay's configuration, for its data_dir.
  --data-dir DIR       The folder itself.
  --json               Print JSON.
  --help               Print this.
)";

constexpr std::string_view kTeamsHelp =
    R"(baton teams: what the keys of a team may spend together, changed while the relay runs. It
notices within a second. A team is made by its first key (baton keys create --team) or budget.

  baton teams list         The teams there are, with their budgets and what they have spent.
  baton teams set NAME     Limit a team, in the place of what the configuration says of it.
  baton teams unset NAME   What the configuration says counts again.

set takes:
  --budget AMOUNT      Dollars a day or a month (UTC): 50/day, 500/month. May be given for both.
                       What is not named is not limited.
  --reserve HOW        What a call takes of it until its cost is known: learned (usual),
                       strict (the most it can cost: never overspent), or cap:0.50.
all take:
  --config FILE        The relay's configuration, for its data_dir and its own budgets.
  --data-dir DIR       The folder itself.
  --json               Print JSON; amounts spent are whole nanodollars.
  --help               Print this.
)";

constexpr std::string_view kUsageHelp =
    R"(baton usage: what was used and spent, from the relay's ledger.

  --by WHAT            key, team, model, account, tag or day. Usually key.
  --since WHEN         Calls that began then or later: 12h or 7d ago, or 2026-11-01 (UTC).
  --until WHEN         Calls that began before.
  --json               Print JSON; amounts are whole nanodollars.
  --rows FORMAT        Every call instead of sums, as csv or jsonl.
  --config FILE        The relay's configuration, for its data_dir.
  --data-dir DIR       The folder itself.
  --help               Print this.

  baton usage reconcile FILE   Compare with the vendor's own cost report, per day and
                       model: a CSV, or what the Admin API's cost_report gives (JSON).
                       Ends with 1 when a day differs by more than the tolerance.
  --tolerance SHARE    Usually 0.01: a hundredth of what the vendor says, or a cent.

A call whose model has no price counts as UNPRICED: with its tokens, without a cost.
A call with two tags counts in both. By account, attempts are counted instead of calls.
)";

constexpr std::string_view kDocsHelp =
    R"(baton docs: print a page of the documentation that is made from the program itself.

  baton docs config    docs/config.md
  baton docs limits    docs/limits.md
)";

}  // namespace

std::string_view help_text(std::string_view command) {
  if (command == "serve") return kServeHelp;
  if (command == "sim") return kSimHelp;
  if (command == "keys") return kKeysHelp;
  if (command == "teams") return kTeamsHelp;
  if (command == "usage") return kUsageHelp;
  if (command == "docs") return kDocsHelp;
  if (command.empty() || command == "help" || command == "version") return kOverview;
  return operate_help(command);
}

}  // namespace baton::app
