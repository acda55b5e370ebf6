#include "app/cli_teams.h"

#include <utility>

#include "app/options.h"
#include "config/key_rule.h"
#include "model/budget_text.h"

namespace baton::app {

std::string read_budget(const std::vector<std::string>& budgets, const std::optional<std::string>& reserve,
                        model::Budget& out) {
  for (const std::string& text : budgets) {
    const auto read = model::parse_budget(text, out);
    if (!read) return "--budget " + read.error();
    out = *read;
  }
  if (!reserve) return {};
  if (!out.any()) return "--reserve goes with a --budget";
  const auto read = model::parse_reserve(*reserve, out);
  if (!read) return "--reserve " + read.error();
  out = *read;
  return {};
}

std::expected<Command, std::string> parse_teams(std::vector<std::string> arguments) {
  using Action = Teams::Action;
  static constexpr std::pair<std::string_view, Action> kActions[] = {
      {"list", Action::kList}, {"set", Action::kSet}, {"unset", Action::kUnset}};
  if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h")
    return Print{std::string(help_text("teams"))};
  const std::string verb = arguments.front();
  arguments.erase(arguments.begin());
  Teams teams;
  bool known = false;
  std::vector<std::string_view> verbs;
  for (const auto& [name, action] : kActions) {
    verbs.push_back(name);
    if (name != verb) continue;
    teams.action = action;
    known = true;
  }
  if (!known)
    return refuse("teams: there is no " + ascii::excerpt(verb) + did_you_mean(verb, verbs) + " (list, set, unset)");
  const std::string command = "teams " + verb;
  if (teams.action != Action::kList && !arguments.empty() && !arguments.front().starts_with('-')) {
    teams.name = arguments.front();
    arguments.erase(arguments.begin());
  }
  Options options(command);
  teams.data.load = load_options(config::Purpose::kSimulate);
  options.text("--config", teams.data.load.path, "FILE");
  options.text("--data-dir", teams.data.path, "DIR");
  options.flag("--json", teams.json);
  std::vector<std::string> budgets;
  std::optional<std::string> reserve;
  if (teams.action == Action::kSet) {
    options.texts("--budget", budgets, "DOLLARS/PERIOD");
    options.text("--reserve", reserve, "HOW");
  }
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("teams"))};
  if (teams.action == Action::kList) return teams;
  if (teams.name.empty()) return refuse(command + ": needs the team's name behind it");
  if (!config::is_name(teams.name))
    return refuse(command + ": a name is 1 to 64 letters, digits, dots, hyphens or underscores");
  if (std::string reason = read_budget(budgets, reserve, teams.budget); !reason.empty())
    return refuse(command + ": " + reason);
  if (teams.action == Action::kSet && !teams.budget.any())
    return refuse(command + ": needs a --budget, such as 500/month; unset takes it away");
  return teams;
}

}  // namespace baton::app
