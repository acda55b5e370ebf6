#include "app/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "config/suggest.h"

namespace baton::app {
namespace {

constexpr std::string_view kOverview =
    R"(Baton is a relay for the Claude API: it stands between programs and the vendor.

  baton serve      Relay calls. This is the command to start with.
  baton sim        Play the Claude API, to test programs without a key or a bill.
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
  --print-key          Make a client key that is valid until Baton stops, and print it.
                       For containers: with it Baton may listen beyond this host.
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

constexpr std::string_view kDocsHelp =
    R"(baton docs: print a page of the documentation that is made from the program itself.

  baton docs config    docs/config.md
  baton docs limits    docs/limits.md
)";

constexpr std::array<std::string_view, 5> kCommands{"serve", "sim", "docs", "version", "help"};

std::unexpected<std::string> refuse(std::string reason) { return std::unexpected("baton " + std::move(reason) + "\n"); }

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view near = config::suggest(word, known);
  return near.empty() ? std::string() : "; did you mean \"" + std::string(near) + "\"?";
}

config::LoadOptions load_options(config::Purpose purpose) {
  config::LoadOptions options;
  options.environment = config::process_environment;
  options.purpose = purpose;
  options.root = ::geteuid() == 0;
  return options;
}

// A flag whose value is a setting.
struct SettingFlag {
  std::string_view flag;
  std::string_view key;
  std::string_view value_name;
};

constexpr std::array<SettingFlag, 1> kServeFlags{{{"--threads", "threads", "N"}}};
constexpr std::array<SettingFlag, 11> kSimFlags{{
    {"--threads", "threads", "N"},
    {"--seed", "sim.seed", "N"},
    {"--first-token", "sim.first_token", "TIME"},
    {"--per-token", "sim.per_token", "TIME"},
    {"--output-tokens", "sim.output_tokens", "N"},
    {"--batch-duration", "sim.batch_duration", "TIME"},
    {"--rate-limited", "sim.errors.rate_limited", "SHARE"},
    {"--overloaded", "sim.errors.overloaded", "SHARE"},
    {"--server-error", "sim.errors.server_error", "SHARE"},
    {"--reset", "sim.errors.reset", "SHARE"},
    {"--stream-error", "sim.errors.stream_error", "SHARE"},
}};

// The options of one command around CLI11: what is left over is refused with the option that was probably meant.
class Options {
 public:
  explicit Options(std::string_view command) : command_(command) {
    app_.set_help_flag();
    app_.add_flag("--help,-h", help_, "");
    app_.allow_extras();
  }

  void flag(std::string_view name, bool& out) { app_.add_flag(std::string(name), out, ""); }
  void text(std::string_view name, std::optional<std::string>& out, std::string_view value_name) {
    app_.add_option(std::string(name), out, "")->type_name(std::string(value_name));
  }
  // The given ones become overrides in parse().
  void settings(std::span<const SettingFlag> flags) {
    values_.resize(flags.size());
    flags_ = flags;
    for (size_t i = 0; i < flags.size(); ++i) text(flags[i].flag, values_[i], flags[i].value_name);
  }

  bool help() const { return help_; }

  // Empty when the arguments were understood.
  std::string parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // as the library takes them
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ArgumentMismatch& error) {
      const std::string_view what = error.what();
      const bool missing = what.find("missing") != what.npos;
      return command_ + ": " + std::string(what.substr(0, what.find(':'))) +
             (missing ? " needs a value behind it" : " is given twice");
    } catch (const CLI::ParseError& error) {
      return command_ + ": " + ascii::excerpt(error.what(), 200);
    }
    const std::vector<std::string> left = app_.remaining();
    if (left.empty()) return {};
    const std::string word = ascii::excerpt(left.front());
    if (!word.starts_with('-')) return command_ + ": the word " + word + " is not expected here";
    return command_ + ": there is no option " + word + suggestion(left.front());
  }

  std::vector<config::Override> overrides() const {
    std::vector<config::Override> out;
    for (size_t i = 0; i < values_.size(); ++i) {
      if (values_[i]) out.push_back({std::string(flags_[i].flag), std::string(flags_[i].key), *values_[i]});
    }
    return out;
  }

 private:
  std::string suggestion(const std::string& word) const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) names.push_back(option->get_name());
    const std::vector<std::string_view> known(names.begin(), names.end());
    return did_you_mean(std::string_view(word).substr(0, word.find('=')), known);
  }

  CLI::App app_;
  std::string command_;
  bool help_ = false;
  std::span<const SettingFlag> flags_;
  std::vector<std::optional<std::string>> values_;
};

std::expected<Command, std::string> parse_serve(const std::vector<std::string>& arguments) {
  Serve serve;
  serve.load = load_options(config::Purpose::kServe);
  Options options("serve");
  options.text("--config", serve.load.path, "FILE");
  options.text("--listen", serve.load.listen, "ADDR:PORT");
  options.text("--admin", serve.load.admin, "ADDR:PORT");
  options.settings(kServeFlags);
  options.flag("--check", serve.check);
  options.flag("--print-key", serve.print_key);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(kServeHelp)};
  serve.load.overrides = options.overrides();
  return serve;
}

std::expected<Command, std::string> parse_sim(const std::vector<std::string>& arguments) {
  Simulate sim;
  sim.load = load_options(config::Purpose::kSimulate);
  Options options("sim");
  options.text("--config", sim.load.path, "FILE");
  options.text("--listen", sim.load.listen, "ADDR:PORT");
  options.settings(kSimFlags);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(kSimHelp)};
  sim.load.overrides = options.overrides();
  return sim;
}

std::expected<Command, std::string> parse_docs(const std::vector<std::string>& arguments) {
  if (arguments == std::vector<std::string>{"config"}) return Print{config::document()};
  if (arguments == std::vector<std::string>{"limits"}) return Print{config::limits()};
  return refuse("docs: name one page: config or limits");
}

std::expected<Command, std::string> parse_help(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return Print{std::string(kOverview)};
  const std::string_view text = help_text(arguments.front());
  if (!text.empty()) return Print{std::string(text)};
  return refuse("help: there is no command " + ascii::excerpt(arguments.front()) +
                did_you_mean(arguments.front(), kCommands));
}

}  // namespace

std::string_view help_text(std::string_view command) {
  if (command == "serve") return kServeHelp;
  if (command == "sim") return kSimHelp;
  if (command == "docs") return kDocsHelp;
  if (command.empty() || command == "help" || command == "version") return kOverview;
  return {};
}

std::expected<Command, std::string> parse_command_line(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return refuse("needs a command; \"baton serve\" relays, \"baton help\" tells more");
  const std::string& command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "serve") return parse_serve(rest);
  if (command == "sim") return parse_sim(rest);
  if (command == "docs") return parse_docs(rest);
  if (command == "help" || command == "--help" || command == "-h") return parse_help(rest);
  if (command == "version" || command == "--version") return Print{"baton " BATON_VERSION "\n"};
  return refuse("has no command " + ascii::excerpt(command) + did_you_mean(command, kCommands) +
                " (\"baton help\" lists them)");
}

}  // namespace baton::app
