#include "app/cli_operate.h"

#include <utility>

#include "app/options.h"
#include "app/terminal_docs.h"
#include "base/ascii.h"

namespace baton::app {
namespace {

void operate_options(Options& options, Operate& command) {
  command.data.load = load_options(config::Purpose::kSimulate);
  options.text("--config", command.data.load.path, "FILE");
  options.text("--data-dir", command.data.path, "DIR");
  options.text("--admin", command.data.load.admin, "ADDR:PORT");
  options.text("--ca", command.data.ca, "FILE");
  options.flag("--json", command.json);
}

// The first word that is no option, taken out.
std::string take_word(std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return {};
  std::string word = std::move(arguments.front());
  arguments.erase(arguments.begin());
  return word;
}

}  // namespace

std::expected<Command, std::string> parse_accounts(std::vector<std::string> arguments) {
  using Action = Operate::Action;
  static constexpr std::pair<std::string_view, Action> kActions[] = {{"list", Action::kList},
                                                                     {"drain", Action::kDrain},
                                                                     {"park", Action::kPark},
                                                                     {"release", Action::kRelease},
                                                                     {"test", Action::kTest}};
  Operate command{.what = Operate::What::kAccounts};
  const std::string verb = take_word(arguments);
  bool known = verb.empty();
  std::vector<std::string_view> verbs;
  for (const auto& [name, action] : kActions) {
    verbs.push_back(name);
    if (name != verb) continue;
    command.action = action;
    known = true;
  }
  if (!known)
    return refuse("accounts: there is no " + ascii::excerpt(verb) + did_you_mean(verb, verbs) +
                  " (list, drain, park, release, test)");
  command.name = command.action == Action::kList ? "" : take_word(arguments);
  const std::string words = verb.empty() ? "accounts" : "accounts " + verb;
  Options options(words);
  operate_options(options, command);
  const bool changes = command.action != Action::kList && command.action != Action::kTest;
  if (changes) options.text("--reason", command.reason, "TEXT");
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("accounts"))};
  if (changes && command.name.empty()) return refuse(words + ": needs the account's name behind it");
  return command;
}

std::expected<Command, std::string> parse_cache(std::vector<std::string> arguments) {
  Operate command{.what = Operate::What::kCache};
  const std::string verb = take_word(arguments);
  if (!verb.empty() && verb != "purge")
    return refuse("cache: there is no " + ascii::excerpt(verb) +
                  did_you_mean(verb, std::vector<std::string_view>{"purge"}) + " (purge)");
  const std::string words = verb.empty() ? "cache" : "cache purge";
  Options options(words);
  operate_options(options, command);
  if (!verb.empty()) {
    command.action = Operate::Action::kPurge;
    options.flag("--all", command.all);
    options.text("--tenant", command.tenant, "NAME");
    options.text("--tag", command.tag, "TAG");
    options.text("--key", command.key, "KEY");
  }
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("cache"))};
  const bool named = command.tenant || command.tag || command.key;
  if (!verb.empty() && !named && !command.all)
    return refuse(words + ": say what is to go: --tenant, --tag, --key or --all");
  if (named && command.all) return refuse(words + ": --all goes alone");
  return command;
}

std::expected<Command, std::string> parse_tail(std::vector<std::string> arguments) {
  Operate command{.what = Operate::What::kTail};
  command.name = take_word(arguments);
  Options options("tail");
  operate_options(options, command);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("tail"))};
  return command;
}

std::expected<Command, std::string> parse_top(const std::vector<std::string>& arguments) {
  Operate command{.what = Operate::What::kTop};
  Options options("top");
  operate_options(options, command);
  options.flag("--once", command.once);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("top"))};
  return command;
}

std::expected<Command, std::string> parse_audit(std::vector<std::string> arguments) {
  Audit command;
  const std::string verb = take_word(arguments);
  if (!verb.empty() && verb != "verify" && verb != "list")
    return refuse("audit: there is no " + ascii::excerpt(verb) + " (verify, list)");
  command.list = verb == "list";
  Options options("audit");
  command.data.load = load_options(config::Purpose::kSimulate);
  options.text("--config", command.data.load.path, "FILE");
  options.text("--data-dir", command.data.path, "DIR");
  options.flag("--json", command.json);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("audit"))};
  return command;
}

std::expected<Command, std::string> parse_completions(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1) {
    if (arguments.front() == "--help" || arguments.front() == "-h") return Print{std::string(help_text("completions"))};
    if (auto script = completions(arguments.front())) return Print{std::move(*script)};
  }
  return refuse("completions: name one shell: bash, zsh or fish");
}

}  // namespace baton::app
