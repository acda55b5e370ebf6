#include "auth/budget_table.h"

#include <string>
#include <unordered_map>

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

}  // namespace

Result<void> save_budget(store::Database& database, std::string_view key_id, const model::Budget& budget) {
  if (!budget.any()) {
    Result<Statement> remove = database.prepare("DELETE FROM budgets WHERE key_id = ?1");
    if (!remove) return std::unexpected(std::move(remove.error()));
    return remove->bind(1, key_id).run();
  }
  Result<Statement> insert = database.prepare("INSERT OR REPLACE INTO budgets VALUES(?1, ?2, ?3, ?4, ?5)");
  if (!insert) return std::unexpected(std::move(insert.error()));
  return insert->bind(1, key_id)
      .bind(2, budget.day_nanodollars)
      .bind(3, budget.month_nanodollars)
      .bind(4, text_of(budget.reserve))
      .bind(5, budget.cap_nanodollars)
      .run();
}

Result<void> read_budgets(store::Database& database, std::vector<StoredKey>& keys) {
  Result<Statement> rows =
      database.prepare("SELECT key_id, day_nanodollars, month_nanodollars, reserve, cap_nanodollars FROM budgets");
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::unordered_map<std::string, model::Budget> budgets;
  while (true) {
    Result<bool> row = rows->step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) break;
    budgets.emplace(rows->text(0), model::Budget{.day_nanodollars = rows->number(1),
                                                 .month_nanodollars = rows->number(2),
                                                 .reserve = reserve_of(rows->text(3)),
                                                 .cap_nanodollars = rows->number(4)});
  }
  if (budgets.empty()) return {};
  for (StoredKey& key : keys) {
    if (const auto found = budgets.find(key.id); found != budgets.end()) key.rights.budget = found->second;
  }
  return {};
}

}  // namespace baton::auth
