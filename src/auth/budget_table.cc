#include "auth/budget_table.h"

#include <string>

namespace baton::auth {
namespace {

using model::Reserve;
using store::Result;
using store::Statement;

std::string_view text_of(Reserve reserve) {
  switch (reserve) {
    case Reserve::kLearned: return "learned";
    case Reserve::kStrict: return "strict";
    case Reserve::kCap: return "cap";
  }
  return "";
}

// What is not known is strict: it cannot overspend.
Reserve reserve_of(std::string_view text) {
  if (text == "learned") return Reserve::kLearned;
  return text == "cap" ? Reserve::kCap : Reserve::kStrict;
}

Result<void> save(store::Database& database, std::string_view remove_sql, std::string_view insert_sql,
                  std::string_view holder, const model::Budget& budget) {
  if (!budget.any()) {
    Result<Statement> remove = database.prepare(remove_sql);
    if (!remove) return std::unexpected(std::move(remove.error()));
    return remove->bind(1, holder).run();
  }
  Result<Statement> insert = database.prepare(insert_sql);
  if (!insert) return std::unexpected(std::move(insert.error()));
  return insert->bind(1, holder)
      .bind(2, budget.day_nanodollars)
      .bind(3, budget.month_nanodollars)
      .bind(4, text_of(budget.reserve))
      .bind(5, budget.cap_nanodollars)
      .run();
}

// Of each holder, its budget.
Result<TeamBudgets> read(store::Database& database, std::string_view sql) {
  Result<Statement> rows = database.prepare(sql);
  if (!rows) return std::unexpected(std::move(rows.error()));
  TeamBudgets out;
  while (true) {
    Result<bool> row = rows->step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return out;
    out.emplace(rows->text(0), model::Budget{.day_nanodollars = rows->number(1),
                                             .month_nanodollars = rows->number(2),
                                             .reserve = reserve_of(rows->text(3)),
                                             .cap_nanodollars = rows->number(4)});
  }
}

}  // namespace

Result<void> save_budget(store::Database& database, std::string_view key_id, const model::Budget& budget) {
  return save(database, "DELETE FROM budgets WHERE key_id = ?1",
              "INSERT OR REPLACE INTO budgets VALUES(?1, ?2, ?3, ?4, ?5)", key_id, budget);
}

Result<void> read_budgets(store::Database& database, std::vector<StoredKey>& keys) {
  auto budgets =
      read(database, "SELECT key_id, day_nanodollars, month_nanodollars, reserve, cap_nanodollars FROM budgets");
  if (!budgets) return std::unexpected(std::move(budgets.error()));
  if (budgets->empty()) return {};
  for (StoredKey& key : keys) {
    if (const auto found = budgets->find(key.id); found != budgets->end()) key.rights.budget = found->second;
  }
  return {};
}

Result<void> save_team_budget(store::Database& database, std::string_view team, const model::Budget& budget) {
  return save(database, "DELETE FROM team_budgets WHERE team = ?1",
              "INSERT OR REPLACE INTO team_budgets VALUES(?1, ?2, ?3, ?4, ?5)", team, budget);
}

Result<void> read_team_budgets(store::Database& database, TeamBudgets& out) {
  auto budgets =
      read(database, "SELECT team, day_nanodollars, month_nanodollars, reserve, cap_nanodollars FROM team_budgets");
  if (!budgets) return std::unexpected(std::move(budgets.error()));
  out = std::move(*budgets);
  return {};
}

}  // namespace baton::auth
