#include "app/cli.h"

#include <gtest/gtest.h>

namespace baton::app {
namespace {

using Arguments = std::vector<std::string>;

std::string printed(const Arguments& arguments) {
  const auto command = parse_command_line(arguments);
  if (!command || !std::holds_alternative<Print>(*command)) return "(not printed)";
  return std::get<Print>(*command).text;
}

TEST(Cli, KeysSetChangesWhatIsNamedOnly) {
  const auto command =
      parse_command_line({"keys", "set", "ci", "--rpm", "0", "--models", "any", "--tpm", "50000", "--ttl", "never",
                          "--from", "10.0.0.0/8,::1", "--cache", "on", "--priority", "high"});
  ASSERT_TRUE(command) << command.error();
  const Keys& keys = std::get<Keys>(*command);
  EXPECT_EQ(keys.action, Keys::Action::kSet);
  EXPECT_EQ(keys.given,
            (std::vector<std::string>{"--ttl", "--models", "--rpm", "--tpm", "--from", "--cache", "--priority"}));
  EXPECT_FALSE(keys.ttl);
  EXPECT_EQ(keys.key.rights, (auth::Rights{.tokens_per_minute = 50'000,
                                           .addresses = {"10.0.0.0/8", "::1"},
                                           .cache = auth::CachePolicy::kOn,
                                           .priority = auth::Priority::kHigh}));
  const auto import = parse_command_line({"keys", "import", "ci", "--sha256", std::string(62, '0') + "aF"});
  ASSERT_TRUE(import) << import.error();
  EXPECT_EQ(std::get<Keys>(*import).sha256.back(), 0xaf);
  const auto signing = parse_command_line({"keys", "create", "ci", "--signing", "--legacy"});
  ASSERT_TRUE(signing) << signing.error();
  EXPECT_EQ(std::get<Keys>(*signing).key.signing, auth::Signing::kLegacy);
}

TEST(Cli, ServeWithoutOptions) {
  const auto command = parse_command_line({"serve"});
  ASSERT_TRUE(command.has_value()) << command.error();
  ASSERT_TRUE(std::holds_alternative<Serve>(*command));
  const Serve& serve = std::get<Serve>(*command);
  EXPECT_FALSE(serve.load.path.has_value());
  EXPECT_FALSE(serve.load.listen.has_value());
  EXPECT_FALSE(serve.load.admin.has_value());
  EXPECT_TRUE(serve.load.overrides.empty());
  EXPECT_EQ(serve.load.purpose, config::Purpose::kServe);
  EXPECT_TRUE(serve.load.environment);
  EXPECT_FALSE(serve.check);
  EXPECT_FALSE(serve.print_key);
}

TEST(Cli, ServeWithAllOptions) {
  const auto command = parse_command_line({"serve", "--config", "b.yaml", "--check", "--print-key", "--listen=[::1]:1",
                                           "--admin", "127.0.0.1:2", "--threads", "3"});
  ASSERT_TRUE(command.has_value()) << command.error();
  const Serve& serve = std::get<Serve>(*command);
  EXPECT_EQ(serve.load.path, "b.yaml");
  EXPECT_EQ(serve.load.listen, "[::1]:1");
  EXPECT_EQ(serve.load.admin, "127.0.0.1:2");
  ASSERT_EQ(serve.load.overrides.size(), 1u);
  EXPECT_EQ(serve.load.overrides[0].flag, "--threads");
  EXPECT_EQ(serve.load.overrides[0].key, "threads");
  EXPECT_EQ(serve.load.overrides[0].text, "3");
  EXPECT_TRUE(serve.check);
  EXPECT_TRUE(serve.print_key);
  EXPECT_FALSE(serve.take_over);
  EXPECT_TRUE(std::get<Serve>(*parse_command_line({"serve", "--take-over"})).take_over);
}

TEST(Cli, EveryFlagOfTheSimulatorIsASetting) {
  Arguments arguments{"sim", "--listen", "127.0.0.1:0"};
  const std::pair<std::string, std::string> flags[] = {
      {"--seed", "7"},
      {"--first-token", "1ms"},
      {"--per-token", "2ms"},
      {"--output-tokens", "9"},
      {"--batch-duration", "1s"},
      {"--rate-limited", "0.1"},
      {"--overloaded", "0.2"},
      {"--server-error", "0.1"},
      {"--reset", "0.05"},
      {"--stream-error", "0.05"},
      {"--threads", "1"},
  };
  for (const auto& [flag, value] : flags) arguments.insert(arguments.end(), {flag, value});
  const auto command = parse_command_line(arguments);
  ASSERT_TRUE(command.has_value()) << command.error();
  const auto settings = config::load(std::get<Simulate>(*command).load);
  ASSERT_TRUE(settings.has_value()) << settings.error().text();
  EXPECT_EQ(settings->sim.seed, 7u);
  EXPECT_EQ(settings->sim.first_token, std::chrono::milliseconds(1));
  EXPECT_EQ(settings->sim.per_token, std::chrono::milliseconds(2));
  EXPECT_EQ(settings->sim.output_tokens, 9u);
  EXPECT_EQ(settings->sim.batch_duration, std::chrono::seconds(1));
  EXPECT_EQ(settings->sim.errors.rate_limited, 0.1);
  EXPECT_EQ(settings->sim.errors.overloaded, 0.2);
  EXPECT_EQ(settings->sim.errors.server_error, 0.1);
  EXPECT_EQ(settings->sim.errors.reset, 0.05);
  EXPECT_EQ(settings->sim.errors.stream_error, 0.05);
  EXPECT_EQ(settings->threads, 1u);
  EXPECT_EQ(settings->edge.listen[0].port, 0);
}

TEST(Cli, ATeamsBudgetIsRead) {
  const auto command = parse_command_line(
      {"teams", "set", "web", "--budget", "50/day", "--budget", "500/month", "--reserve", "strict", "--json"});
  ASSERT_TRUE(command.has_value()) << command.error();
  const auto& teams = std::get<Teams>(*command);
  EXPECT_EQ(teams.name, "web");
  EXPECT_EQ(teams.budget.day_nanodollars, 50'000'000'000);
  EXPECT_EQ(teams.budget.month_nanodollars, 500'000'000'000);
  EXPECT_EQ(teams.budget.reserve, model::Reserve::kStrict);
  EXPECT_TRUE(teams.json);
  EXPECT_EQ(std::get<Teams>(*parse_command_line({"teams", "unset", "web"})).action, Teams::Action::kUnset);
  EXPECT_EQ(std::get<Teams>(*parse_command_line({"teams", "list"})).action, Teams::Action::kList);
}

TEST(Cli, MistakesAreOneLineThatHelps) {
  struct {
    std::string_view name;
    Arguments arguments;
    std::string_view want;
  } const cases[] = {
      {"a team without a name", {"teams", "set", "--budget", "5/day"}, "baton teams set: needs the team's name"},
      {"a team without a budget", {"teams", "set", "web"}, "baton teams set: needs a --budget, such as 500/month"},
      {"a team's odd budget", {"teams", "set", "web", "--budget", "5/week"}, "baton teams set: --budget "},
      {"a reserve of nothing",
       {"teams", "set", "web", "--reserve", "strict"},
       "baton teams set: --reserve goes with a --budget"},
      {"an unknown verb of teams",
       {"teams", "unsett", "web"},
       "baton teams: there is no unsett; did you mean \"unset\"?"},
      {"nothing", {}, "baton needs a command; \"baton serve\" relays, \"baton help\" tells more\n"},
      {"a misspelt command", {"serv"}, "baton has no command serv; did you mean \"serve\"?"},
      {"another word", {"banana"}, "baton has no command banana (\"baton help\""},
      {"a misspelt option",
       {"serve", "--confg", "x"},
       "baton serve: there is no option --confg; did you mean \"--config\"?\n"},
      {"a misspelt option with a value",
       {"serve", "--lisen=x"},
       "baton serve: there is no option --lisen=x; did you mean \"--listen\"?\n"},
      {"a word too many", {"serve", "baton.yaml"}, "baton serve: the word baton.yaml is not expected here\n"},
      {"an option without its value", {"serve", "--config"}, "baton serve: --config needs a value behind it\n"},
      {"an option twice", {"serve", "--config", "a", "--config", "b"}, "baton serve: --config is given twice\n"},
      {"an option of another command", {"sim", "--print-key"}, "baton sim: there is no option --print-key"},
      {"no page", {"docs"}, "baton docs: name one page: config or limits\n"},
      {"another page", {"docs", "x"}, "baton docs: name one page: config or limits\n"},
      {"help for no command", {"help", "srve"}, "baton help: there is no command srve; did you mean \"serve\"?"},
      {"control characters", {"\x1b[31m"}, "baton has no command ?[31m"},
  };
  for (const auto& c : cases) {
    const auto command = parse_command_line(c.arguments);
    ASSERT_FALSE(command.has_value()) << c.name;
    EXPECT_TRUE(command.error().starts_with(c.want)) << c.name << ": " << command.error();
    EXPECT_EQ(std::count(command.error().begin(), command.error().end(), '\n'), 1) << c.name;
  }
}

TEST(Cli, HelpNamesEveryOption) {
  for (const std::string_view option : {"--config", "--check", "--listen", "--admin", "--threads", "--data-dir",
                                        "--print-key", "--take-over", "--help"}) {
    EXPECT_NE(help_text("serve").find(option), std::string_view::npos) << option;
  }
  for (const std::string_view option :
       {"--listen", "--config", "--seed", "--first-token", "--per-token", "--output-tokens", "--batch-duration",
        "--rate-limited", "--overloaded", "--server-error", "--reset", "--stream-error", "--threads", "--help"}) {
    EXPECT_NE(help_text("sim").find(option), std::string_view::npos) << option;
  }
  for (const std::string_view command : {"serve", "sim", "version", "help"}) {
    EXPECT_NE(help_text("").find("baton " + std::string(command)), std::string_view::npos) << command;
  }
}

TEST(Cli, HelpIsFoundWhereverItIsLookedFor) {
  EXPECT_EQ(printed({"help"}), help_text(""));
  EXPECT_EQ(printed({"--help"}), help_text(""));
  EXPECT_EQ(printed({"-h"}), help_text(""));
  EXPECT_EQ(printed({"help", "serve"}), help_text("serve"));
  EXPECT_EQ(printed({"serve", "--help"}), help_text("serve"));
  EXPECT_EQ(printed({"serve", "--check", "-h"}), help_text("serve"));
  EXPECT_EQ(printed({"sim", "--help"}), help_text("sim"));
  EXPECT_EQ(printed({"help", "docs"}), help_text("docs"));
}

TEST(Cli, HelpFitsATerminal) {
  for (const std::string_view command : {"", "serve", "sim", "docs"}) {
    std::string_view text = help_text(command);
    ASSERT_TRUE(text.ends_with('\n'));
    while (!text.empty()) {
      const size_t end = text.find('\n');
      EXPECT_LE(end, 96u) << text.substr(0, end);
      text.remove_prefix(end + 1);
    }
  }
}

TEST(Cli, VersionAndPages) {
  EXPECT_EQ(printed({"version"}), "baton " BATON_VERSION "\n");
  EXPECT_EQ(printed({"--version"}), "baton " BATON_VERSION "\n");
  EXPECT_EQ(printed({"version", "--json"}), "{\"version\":\"" BATON_VERSION "\"}\n");
  EXPECT_EQ(printed({"docs", "config"}), config::document());
  EXPECT_EQ(printed({"docs", "limits"}), config::limits());
}

TEST(Cli, KeysAreCreatedWithTheirRights) {
  const auto command =
      parse_command_line({"keys", "create", "web-ci", "--team", "web", "--tags", "b,env=ci", "--ttl", "30d", "--models",
                          "claude-haiku-*,claude-sonnet-5-5", "--endpoints=messages,models", "--rpm", "60",
                          "--concurrency", "4", "--data-dir", "/d", "--json"});
  ASSERT_TRUE(command.has_value()) << command.error();
  const Keys& keys = std::get<Keys>(*command);
  EXPECT_EQ(keys.action, Keys::Action::kCreate);
  EXPECT_EQ(keys.key.name, "web-ci");
  EXPECT_EQ(keys.key.team, "web");
  EXPECT_EQ(keys.key.tags, "b,env=ci");
  EXPECT_EQ(keys.ttl, std::chrono::hours(720));
  EXPECT_EQ(keys.key.rights, (auth::Rights{.models = {"claude-haiku-*", "claude-sonnet-5-5"},
                                           .endpoints = {"messages", "models"},
                                           .requests_per_minute = 60,
                                           .concurrency = 4}));
  EXPECT_EQ(keys.data.path, "/d");
  EXPECT_TRUE(keys.json);
  const auto rotate = parse_command_line({"keys", "rotate", "a", "--grace", "15m"});
  ASSERT_TRUE(rotate.has_value()) << rotate.error();
  EXPECT_EQ(std::get<Keys>(*rotate).grace, std::chrono::minutes(15));
}

TEST(Cli, UsageTakesItsPeriod) {
  const WallTime now{std::chrono::hours(24 * 20'000)};
  const auto command = parse_command_line({"usage", "--by", "tag", "--since", "7d", "--until", "2026-11-01"}, now);
  ASSERT_TRUE(command.has_value()) << command.error();
  const Usage& usage = std::get<Usage>(*command);
  EXPECT_EQ(usage.by, ledger::GroupBy::kTag);
  EXPECT_EQ(usage.period.since, now - std::chrono::hours(168));
  EXPECT_EQ(usage.period.until, WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 1)));
  EXPECT_EQ(std::get<Usage>(*parse_command_line({"usage", "--rows", "csv"})).rows, ledger::ExportFormat::kCsv);
}

TEST(Cli, WhatIsWrongWithKeysAndUsageIsSaid) {
  struct {
    Arguments arguments;
    const char* want;
  } const rows[] = {
      {{"keys", "craete", "a"}, "baton keys: there is no craete; did you mean \"create\"?"},
      {{"keys", "create"}, "baton keys create: needs the key's name behind it"},
      {{"keys", "create", "a b"}, "baton keys create: a name is"},
      {{"keys", "create", "a", "--accounts", "*"}, "baton keys create: --accounts: \"*\" is no account's name"},
      {{"keys", "create", "a", "--from", "10.0.0.0/33"}, "baton keys create: --from: \"10.0.0.0/33\" is no address"},
      {{"keys", "create", "a", "--cache", "maybe"}, "baton keys create: --cache takes default, off or on"},
      {{"keys", "create", "a", "--priority", "urgent"}, "baton keys create: --priority takes low, normal or high"},
      {{"keys", "create", "a", "--tpm", "0"}, "baton keys create: --tpm must be"},
      {{"keys", "create", "a", "--legacy"}, "baton keys create: --legacy is for keys that sign"},
      {{"keys", "import", "a"}, "baton keys import: needs --sha256"},
      {{"keys", "import", "a", "--sha256", "abc"}, "baton keys import: needs --sha256"},
      {{"keys", "set", "a"}, "baton keys set: needs something to set"},
      {{"keys", "set", "a", "--signing"}, "baton keys set: there is no option --signing"},
      {{"keys", "create", "a", "--ttl", "30"}, "baton keys create: --ttl must be"},
      {{"keys", "create", "a", "--ttl", "0d"}, "baton keys create: --ttl must be"},
      {{"keys", "create", "a", "--models", "a,,b"}, "baton keys create: --models: \"\" is no model's id"},
      {{"keys", "create", "a", "--models", "*-haiku"}, "baton keys create: --models: \"*-haiku\" is no model's id"},
      {{"keys", "create", "a", "--endpoints", "mesages"},
       "baton keys create: --endpoints: there is no endpoint \"mesages\"; did you mean \"messages\"?"},
      {{"keys", "create", "a", "--rpm", "0"}, "baton keys create: --rpm must be a number"},
      {{"keys", "create", "a", "--tags", "a b"}, "baton keys create: --tags: "},
      {{"keys", "list", "a"}, "baton keys list: the word a is not expected here"},
      {{"keys", "revoke", "a", "--grace", "1h"}, "baton keys revoke: there is no option --grace"},
      {{"keys", "rotate", "a", "--grace", "soon"}, "baton keys rotate: --grace must be"},
      {{"usage", "--by", "hour"}, "baton usage: --by takes"},
      {{"usage", "--since", "yesterday"}, "baton usage: --since takes"},
      {{"usage", "--since", "2026-02-30"}, "baton usage: --since takes"},
      {{"usage", "--rows", "xml"}, "baton usage: --rows takes csv or jsonl"},
  };
  for (const auto& row : rows) {
    const auto command = parse_command_line(row.arguments);
    ASSERT_FALSE(command.has_value()) << row.want;
    EXPECT_TRUE(command.error().starts_with(row.want)) << command.error();
  }
  for (const Arguments& help :
       {Arguments{"keys"}, {"keys", "--help"}, {"keys", "create", "a", "--help"}, {"help", "keys"}}) {
    EXPECT_TRUE(printed(help).starts_with("baton keys:")) << help.back();
  }
  EXPECT_TRUE(printed({"usage", "--help"}).starts_with("baton usage:"));
}

}  // namespace
}  // namespace baton::app
