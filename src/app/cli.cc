#include "app/cli.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>

#include "app/cli_conformance.h"
#include "app/cli_operate.h"
#include "app/cli_teams.h"
#include "app/options.h"
#include "app/terminal_docs.h"
#include "auth/right_rules.h"
#include "base/ascii.h"
#include "config/key_rule.h"
#include "config/suggest.h"
#include "config/value.h"
#include "dialect/call_labels.h"
#include "model/budget_text.h"

namespace baton::app {
namespace {

constexpr std::array<std::string_view, 16> kCommands{"serve", "sim",  "keys",    "teams", "usage",       "accounts",
                                                     "cache", "tail", "top",     "audit", "conformance", "completions",
                                                     "man",   "docs", "version", "help"};

constexpr std::array<SettingFlag, 2> kServeFlags{{{"--threads", "threads", "N"}, {"--data-dir", "data_dir", "DIR"}}};
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
  options.flag("--take-over", serve.take_over);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("serve"))};
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
  if (options.help()) return Print{std::string(help_text("sim"))};
  sim.load.overrides = options.overrides();
  return sim;
}

// "12h" as config/ takes it, or "30d".
std::optional<Duration> parse_time(std::string_view text) {
  if (text.ends_with('d')) {
    const auto days = ascii::decimal(text.substr(0, text.size() - 1));
    if (!days || *days > 36'500) return std::nullopt;
    return std::chrono::hours(24 * static_cast<int64_t>(*days));
  }
  const auto duration = config::parse_duration(text);
  return duration ? std::optional(*duration) : std::nullopt;
}

// So long before `now`, or a day.
std::optional<WallTime> parse_when(std::string_view text, WallTime now) {
  if (const auto ago = parse_time(text)) return now - std::chrono::duration_cast<std::chrono::milliseconds>(*ago);
  const auto year = ascii::decimal(text.substr(0, 4));
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' || !year) return std::nullopt;
  const auto month = ascii::decimal(text.substr(5, 2));
  const auto day = ascii::decimal(text.substr(8, 2));
  if (!month || !day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return WallTime(std::chrono::sys_days(date));
}

// "a,b". Gives the first word that is not acceptable, or nothing.
std::optional<std::string> parse_list(const std::optional<std::string>& text, std::vector<std::string>& out,
                                      const std::function<bool(std::string_view)>& good) {
  if (!text) return std::nullopt;
  std::string_view left = *text;
  while (true) {
    const size_t comma = left.find(',');
    const std::string_view word = left.substr(0, comma);
    if (!good(word)) return ascii::excerpt(word);
    out.emplace_back(word);
    if (comma == left.npos) return std::nullopt;
    left = left.substr(comma + 1);
  }
}

std::optional<Sha256> parse_sha256(std::string_view text) {
  Sha256 out;
  if (text.size() != 2 * out.size()) return std::nullopt;
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    return ascii::lower(c) >= 'a' && ascii::lower(c) <= 'f' ? ascii::lower(c) - 'a' + 10 : -1;
  };
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return out;
}

void data_options(Options& options, DataFolder& data) {
  data.load = load_options(config::Purpose::kSimulate);
  options.text("--config", data.load.path, "FILE");
  options.text("--data-dir", data.path, "DIR");
}

// What create takes beside the name.
struct KeyWords {
  std::optional<std::string> team, tags, ttl, models, endpoints, rpm, concurrency, reserve;
  std::vector<std::string> budgets;
  std::optional<std::string> accounts, groups, tpm, from, cache, priority;
  bool may_clear = false;  // `set`: "any" empties a list, 0 takes a limit away, --ttl never
  bool signing = false, legacy = false;

  void add_to(Options& options) {
    options.text("--team", team, "TEAM");
    options.text("--tags", tags, "TAG,...");
    options.text("--ttl", ttl, "TIME");
    options.text("--models", models, "ID,...");
    options.text("--endpoints", endpoints, "NAME,...");
    options.text("--rpm", rpm, "N");
    options.text("--concurrency", concurrency, "N");
    options.texts("--budget", budgets, "DOLLARS/PERIOD");
    options.text("--reserve", reserve, "HOW");
    options.text("--tpm", tpm, "N");
    options.text("--accounts", accounts, "NAME,...");
    options.text("--groups", groups, "NAME,...");
    options.text("--from", from, "CIDR,...");
    options.text("--cache", cache, "WHEN");
    options.text("--priority", priority, "LEVEL");
    if (may_clear) return;
    options.flag("--signing", signing);
    options.flag("--legacy", legacy);
  }

  // The reason why they cannot be, or empty.
  std::string read(Keys& out) const {
    if (team && !config::is_name(*team)) return "--team must be 1 to 64 letters, digits, dots, hyphens or underscores";
    out.key.team = team.value_or("");
    auto joined = dialect::join_tags({tags ? std::string_view(*tags) : std::string_view{}});
    if (!joined) return "--tags: tags are 1 to 64 letters, digits or . _ - / : with at most one = inside; 16 at most";
    out.key.tags = *joined;
    for (const auto& [flag, text] : {std::pair{"--team", &team},
                                     {"--tags", &tags},
                                     {"--ttl", &ttl},
                                     {"--models", &models},
                                     {"--endpoints", &endpoints},
                                     {"--rpm", &rpm},
                                     {"--concurrency", &concurrency},
                                     {"--tpm", &tpm},
                                     {"--accounts", &accounts},
                                     {"--groups", &groups},
                                     {"--from", &from},
                                     {"--cache", &cache},
                                     {"--priority", &priority}}) {
      if (*text) out.given.emplace_back(flag);
    }
    if (!budgets.empty() || reserve) out.given.emplace_back("--budget");
    if (ttl && !(may_clear && *ttl == "never")) {
      out.ttl = parse_time(*ttl);
      if (!out.ttl || out.ttl->count() <= 0) return "--ttl must be a time such as 12h or 30d";
    }
    if (const auto bad = list(accounts, out.key.rights.accounts, auth::is_account_pattern)) {
      return "--accounts: \"" + *bad + "\" is no account's name; a * may stand at its end";
    }
    if (const auto bad = list(groups, out.key.rights.groups, auth::is_account_pattern)) {
      return "--groups: \"" + *bad + "\" is no group's name; a * may stand at its end";
    }
    if (const auto bad = list(from, out.key.rights.addresses, auth::is_address_block)) {
      return "--from: \"" + *bad + "\" is no address and no block such as 10.0.0.0/8";
    }
    if (!one_of(cache, out.key.rights.cache,
                {auth::CachePolicy::kDefault, auth::CachePolicy::kOff, auth::CachePolicy::kOn}))
      return "--cache takes default, off or on";
    if (!one_of(priority, out.key.rights.priority,
                {auth::Priority::kNormal, auth::Priority::kLow, auth::Priority::kHigh}))
      return "--priority takes low, normal or high";
    if (!number(tpm, 1'000'000'000'000, out.key.rights.tokens_per_minute))
      return "--tpm must be a number from 1 to 10^12";
    if (const auto bad = list(models, out.key.rights.models, auth::is_model_pattern)) {
      return "--models: \"" + *bad + "\" is no model's id; a * may stand at its end";
    }
    if (const auto bad = list(endpoints, out.key.rights.endpoints, auth::is_endpoint)) {
      return "--endpoints: there is no endpoint \"" + *bad + "\"" + did_you_mean(*bad, auth::endpoint_names());
    }
    if (legacy && !signing) return "--legacy is for keys that sign: it goes with --signing";
    if (signing) out.key.signing = legacy ? auth::Signing::kLegacy : auth::Signing::kOnly;
    if (!number(rpm, 1'000'000, out.key.rights.requests_per_minute)) return "--rpm must be a number from 1 to 1000000";
    if (!number(concurrency, 1'000'000, out.key.rights.concurrency))
      return "--concurrency must be a number from 1 to 1000000";
    return read_budget(out.key.rights.budget);
  }

 private:
  std::string read_budget(model::Budget& out) const {
    const bool none = may_clear && budgets == std::vector<std::string>{"none"};
    if (none) return reserve ? "--reserve goes with a --budget" : "";
    return app::read_budget(budgets, reserve, out);
  }
  template <class T>
  bool number(const std::optional<std::string>& text, uint64_t max, T& out) const {
    if (!text) return true;
    const auto value = ascii::decimal(*text);
    if (!value || (*value == 0 && !may_clear) || *value > max) return false;
    out = static_cast<T>(*value);
    return true;
  }
  template <class T>
  static bool one_of(const std::optional<std::string>& text, T& out, std::initializer_list<T> known) {
    for (T one : known) {
      if (!text || *text != name(one)) continue;
      out = one;
      return true;
    }
    return !text;
  }
  std::optional<std::string> list(const std::optional<std::string>& text, std::vector<std::string>& out,
                                  const std::function<bool(std::string_view)>& good) const {
    if (may_clear && text == "any") return std::nullopt;
    return parse_list(text, out, good);
  }
};

std::expected<Command, std::string> parse_keys(std::vector<std::string> arguments) {
  static constexpr std::pair<std::string_view, Keys::Action> kActions[] = {
      {"create", Keys::Action::kCreate}, {"import", Keys::Action::kImport}, {"list", Keys::Action::kList},
      {"set", Keys::Action::kSet},       {"rotate", Keys::Action::kRotate}, {"revoke", Keys::Action::kRevoke}};
  if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h")
    return Print{std::string(help_text("keys"))};
  const std::string verb = arguments.front();
  arguments.erase(arguments.begin());
  Keys keys;
  bool known = false;
  std::vector<std::string_view> verbs;
  for (const auto& [name, action] : kActions) {
    verbs.push_back(name);
    if (name != verb) continue;
    keys.action = action;
    known = true;
  }
  if (!known)
    return refuse("keys: there is no " + ascii::excerpt(verb) + did_you_mean(verb, verbs) +
                  " (create, import, list, set, rotate, revoke)");
  const std::string command = "keys " + verb;
  const bool named = keys.action != Keys::Action::kList;
  std::string name;
  if (named && !arguments.empty() && !arguments.front().starts_with('-')) {
    name = arguments.front();
    arguments.erase(arguments.begin());
  }
  Options options(command);
  data_options(options, keys.data);
  options.flag("--json", keys.json);
  KeyWords words;
  std::optional<std::string> digest;
  words.may_clear = keys.action == Keys::Action::kSet;
  std::optional<std::string> grace;
  if (keys.action == Keys::Action::kCreate || keys.action == Keys::Action::kImport || words.may_clear)
    words.add_to(options);
  if (keys.action == Keys::Action::kImport) options.text("--sha256", digest, "HEX");
  if (keys.action == Keys::Action::kRotate) options.text("--grace", grace, "TIME");
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("keys"))};
  if (named && name.empty()) return refuse(command + ": needs the key's name behind it");
  if (named && !config::is_name(name)) {
    return refuse(command + ": a name is 1 to 64 letters, digits, dots, hyphens or underscores");
  }
  keys.key.name = std::move(name);
  if (std::string reason = words.read(keys); !reason.empty()) return refuse(command + ": " + reason);
  if (words.may_clear && keys.given.empty()) return refuse(command + ": needs something to set, such as --rpm 60");
  if (keys.action == Keys::Action::kImport) {
    if (words.signing) return refuse(command + ": a key that signs cannot be imported; make one");
    const auto read = parse_sha256(digest.value_or(""));
    if (!read) return refuse(command + ": needs --sha256 with the 64 hexadecimal digits of the key's SHA-256");
    keys.sha256 = *read;
  }
  if (grace) {
    const auto time = parse_time(*grace);
    if (!time) return refuse(command + ": --grace must be a time such as 15m, 12h or 7d");
    keys.grace = *time;
  }
  return keys;
}

std::expected<Command, std::string> parse_usage(const std::vector<std::string>& arguments, WallTime now) {
  using ledger::GroupBy;
  static constexpr std::pair<std::string_view, GroupBy> kGroups[] = {
      {"key", GroupBy::kKey},         {"team", GroupBy::kTeam}, {"model", GroupBy::kModel},
      {"account", GroupBy::kAccount}, {"tag", GroupBy::kTag},   {"day", GroupBy::kDay}};
  Usage usage;
  Options options("usage");
  std::optional<std::string> by, since, until, rows;
  data_options(options, usage.data);
  options.text("--by", by, "WHAT");
  options.text("--since", since, "WHEN");
  options.text("--until", until, "WHEN");
  options.text("--rows", rows, "FORMAT");
  options.flag("--json", usage.json);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("usage"))};
  if (by) {
    const auto found = std::ranges::find(kGroups, std::string_view(*by), &std::pair<std::string_view, GroupBy>::first);
    if (found == std::end(kGroups)) return refuse("usage: --by takes key, team, model, account, tag or day");
    usage.by = found->second;
  }
  for (const auto& [flag, text, time] :
       {std::tuple{"--since", &since, &usage.period.since}, {"--until", &until, &usage.period.until}}) {
    if (!*text) continue;
    *time = parse_when(**text, now);
    if (!*time) return refuse("usage: " + std::string(flag) + " takes 12h, 7d or a day such as 2026-11-01");
  }
  if (rows) {
    if (*rows != "csv" && *rows != "jsonl") return refuse("usage: --rows takes csv or jsonl");
    usage.rows = *rows == "csv" ? ledger::ExportFormat::kCsv : ledger::ExportFormat::kJsonLines;
  }
  return usage;
}

std::expected<Command, std::string> parse_reconcile(const std::vector<std::string>& arguments) {
  Usage usage;
  Options options("usage reconcile");
  std::optional<std::string> tolerance;
  data_options(options, usage.data);
  options.text("--tolerance", tolerance, "SHARE");
  options.flag("--json", usage.json);
  std::vector<std::string> rest = arguments;
  if (!rest.empty() && !rest.front().starts_with('-')) {
    usage.report = rest.front();
    rest.erase(rest.begin());
  }
  if (std::string reason = options.parse(rest); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("usage"))};
  if (!usage.report) return refuse("usage reconcile: needs the vendor's report behind it: a CSV or JSON file");
  if (tolerance) {
    const auto share = config::parse_share(*tolerance);
    if (!share) return refuse("usage reconcile: --tolerance " + share.error());
    usage.tolerance = *share;
  }
  return usage;
}

std::expected<Command, std::string> parse_docs(const std::vector<std::string>& arguments) {
  if (arguments == std::vector<std::string>{"config"}) return Print{config::document()};
  if (arguments == std::vector<std::string>{"limits"}) return Print{config::limits()};
  return refuse("docs: name one page: config or limits");
}

std::expected<Command, std::string> parse_help(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return Print{std::string(help_text(""))};
  const std::string_view text = help_text(arguments.front());
  if (!text.empty()) return Print{std::string(text)};
  return refuse("help: there is no command " + ascii::excerpt(arguments.front()) +
                did_you_mean(arguments.front(), kCommands));
}

}  // namespace

std::span<const std::string_view> commands() { return kCommands; }

std::expected<Command, std::string> parse_command_line(const std::vector<std::string>& arguments, WallTime now) {
  if (arguments.empty()) return refuse("needs a command; \"baton serve\" relays, \"baton help\" tells more");
  const std::string& command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "serve") return parse_serve(rest);
  if (command == "sim") return parse_sim(rest);
  if (command == "keys") return parse_keys(rest);
  if (command == "teams") return parse_teams(rest);
  if (command == "usage" && !rest.empty() && rest.front() == "reconcile")
    return parse_reconcile({rest.begin() + 1, rest.end()});
  if (command == "usage") return parse_usage(rest, now);
  if (command == "accounts") return parse_accounts(rest);
  if (command == "cache") return parse_cache(rest);
  if (command == "tail") return parse_tail(rest);
  if (command == "top") return parse_top(rest);
  if (command == "audit") return parse_audit(rest);
  if (command == "conformance") return parse_conformance(rest);
  if (command == "completions") return parse_completions(rest);
  if (command == "man") {
    if (rest.empty()) return Print{man_page()};
    return Print{std::string(help_text("man"))};
  }
  if (command == "docs") return parse_docs(rest);
  if (command == "help" || command == "--help" || command == "-h") return parse_help(rest);
  if (command == "version" || command == "--version") {
    if (rest == std::vector<std::string>{"--json"}) return Print{"{\"version\":\"" BATON_VERSION "\"}\n"};
    return Print{"baton " BATON_VERSION "\n"};
  }
  return refuse("has no command " + ascii::excerpt(command) + did_you_mean(command, kCommands) +
                " (\"baton help\" lists them)");
}

}  // namespace baton::app
