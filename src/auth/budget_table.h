// The budgets of keys and those of teams that were set at run time, in tables of keys.db of their own: most have none.
// Life: functions of the KeyStore. Thread: its.
#pragma once

#include <string_view>
#include <vector>

#include "auth/key_ring.h"
#include "model/budget.h"
#include "store/database.h"

namespace baton::auth {

inline constexpr store::Migration kBudgetsMigration =
    "CREATE TABLE budgets("
    "key_id TEXT PRIMARY KEY, day_nanodollars INTEGER NOT NULL, month_nanodollars INTEGER NOT NULL, "  // 0: no limit
    "reserve TEXT NOT NULL, cap_nanodollars INTEGER NOT NULL"  // learned, strict, cap
    ") STRICT, WITHOUT ROWID";

inline constexpr store::Migration kTeamBudgetsMigration =
    "CREATE TABLE team_budgets("
    "team TEXT PRIMARY KEY, day_nanodollars INTEGER NOT NULL, month_nanodollars INTEGER NOT NULL, "
    "reserve TEXT NOT NULL, cap_nanodollars INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID";

// Puts it in the place of the key's former one; one without limits is taken away.
store::Result<void> save_budget(store::Database& database, std::string_view key_id, const model::Budget& budget);
// Fills in the budgets of these keys.
store::Result<void> read_budgets(store::Database& database, std::vector<StoredKey>& keys);

// The same for teams.
store::Result<void> save_team_budget(store::Database& database, std::string_view team, const model::Budget& budget);
store::Result<void> read_team_budgets(store::Database& database, TeamBudgets& out);

}  // namespace baton::auth
