#include "app/teams.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "app/data_place.h"
#include "ledger/holders.h"
#include "ledger/price_table.h"
#include "metrics/log_text.h"
#include "model/budget_text.h"
#include "runtime/clock.h"

namespace baton::app {
namespace {

struct Team {
  int64_t keys = 0;  // in use
  model::Budget budget;
  bool set_here = false;  // not by the configuration
};

// By name: those with a key in use, and those with a budget. Of the configuration only when it was read.
std::map<std::string, Team> teams_of(const auth::StoredKeys& stored, const ledger::BudgetRules& rules) {
  std::map<std::string, Team> out;
  for (const auth::StoredKey& key : stored.keys) {
    if (!key.team.empty() && !key.revoked) ++out[key.team].keys;
  }
  for (const auto& [name, budget] : rules.teams) out[name].budget = budget;
  for (const auto& [name, budget] : stored.team_budgets) {
    out[name].budget = budget;
    out[name].set_here = true;
  }
  return out;
}

std::string json_of(const std::string& name, const Team& team, const ledger::Spent& spent) {
  std::string out = "{\"name\":";
  metrics::append_quoted(out, name);
  out += fmt::format(",\"keys\":{},\"budget\":", team.keys);
  metrics::append_quoted(out, model::budget_text(team.budget));
  return out + fmt::format(",\"set_here\":{},\"spent_day_nanodollars\":{},\"spent_month_nanodollars\":{}}}",
                           team.set_here, spent.day_nanodollars, spent.month_nanodollars);
}

void print_table(const std::map<std::string, Team>& teams, const ledger::Holders& holders) {
  std::vector<std::array<std::string, 6>> lines{{"TEAM", "KEYS", "TODAY", "MONTH", "BUDGET", "SET BY"}};
  for (const auto& [name, team] : teams) {
    const ledger::Spent spent = holders.of(ledger::holder_of_team(name));
    const bool limited = team.budget.any();
    lines.push_back({name, std::to_string(team.keys), ledger::dollars_text(spent.day_nanodollars),
                     ledger::dollars_text(spent.month_nanodollars), limited ? model::budget_text(team.budget) : "none",
                     !limited        ? "-"
                     : team.set_here ? "teams set"
                                     : "configuration"});
  }
  std::array<size_t, 6> widths{};
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string out;
    for (size_t i = 0; i < line.size(); ++i) {
      out += line[i];
      if (i + 1 < line.size()) out.append(widths[i] - line[i].size() + 2, ' ');
    }
    std::printf("%s\n", out.c_str());
  }
}

int list(const Teams& command, const ledger::Place& place, const ledger::BudgetRules& rules, WallTime now) {
  auth::StoredKeys stored;
  if (auth::KeyStore::exists(place.folder)) {
    auto store = auth::KeyStore::open(place.folder);
    if (!store) return cannot(store.error().detail);
    auto read = store->read();
    if (!read) return cannot(read.error().detail);
    stored = std::move(*read);
  }
  const auto read = ledger::read_holders(place, now);
  if (!read) std::fprintf(stderr, "baton: what was spent cannot be read: %s\n", read.error().detail.c_str());
  const ledger::Holders holders = read.value_or(ledger::Holders{});
  const auto teams = teams_of(stored, rules);
  if (!command.json) {
    print_table(teams, holders);
    return 0;
  }
  std::string out = "{\"teams\":[";
  for (const auto& [name, team] : teams) {
    if (out.back() == '}') out += ',';
    out += json_of(name, team, holders.of(ledger::holder_of_team(name)));
  }
  std::printf("%s]}\n", out.c_str());
  return 0;
}

}  // namespace

int run_teams(const Teams& command) {
  const WallTime now = runtime::SystemClock().wall();
  ledger::BudgetRules rules;
  ledger::Place place(command.data.path.value_or(""));
  if (!command.data.path || command.data.load.path) {
    auto settings = config::load(command.data.load);
    if (!settings) {
      std::fprintf(stderr, "%s\n", settings.error().text().c_str());
      return 2;
    }
    rules = settings->ledger.budgets;
    place.database = settings->ledger.database;
    if (!command.data.path) place.folder = settings->data_dir;
  }
  if (command.action == Teams::Action::kList) return list(command, place, rules, now);
  auto store = auth::KeyStore::open(place.folder);
  if (!store) return cannot(store.error().detail);
  const bool sets = command.action == Teams::Action::kSet;
  if (auto done = store->set_team_budget(command.name, command.budget); !done) return cannot(done.error().detail);
  note_change(place.folder, sets ? "teams.set" : "teams.unset", command.name, now);
  const auto stored = store->read();
  if (!stored) return cannot(stored.error().detail);
  const auto teams = teams_of(*stored, rules);
  const auto found = teams.find(command.name);
  const Team team = found == teams.end() ? Team{} : found->second;
  if (command.json) {
    const auto holders = ledger::read_holders(place, now);
    const ledger::Spent spent =
        holders ? holders->of(ledger::holder_of_team(command.name)) : ledger::Spent{.holder = command.name};
    std::printf("%s\n", json_of(command.name, team, spent).c_str());
    return 0;
  }
  if (sets) {
    std::fprintf(stderr, "The team %s may spend %s; it has %s in use.\n", command.name.c_str(),
                 model::budget_text(team.budget).c_str(),
                 team.keys == 1 ? "one key" : (std::to_string(team.keys) + " keys").c_str());
  } else if (team.budget.any()) {
    std::fprintf(stderr, "For the team %s the configuration's budget counts again: %s\n", command.name.c_str(),
                 model::budget_text(team.budget).c_str());
  } else {
    std::fprintf(stderr, "The team %s has no budget of its own any more.\n", command.name.c_str());
  }
  return 0;
}

}  // namespace baton::app
