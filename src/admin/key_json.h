// KeyJson: keys and teams as the operator's API shows them: rights, and of each budget what is spent and reserved.
// Life: during one reply. Thread: any. Bounds: none of its own.
#pragma once

#include <string>

#include "admin/json_writer.h"
#include "auth/key_ring.h"
#include "ledger/budgets.h"
#include "ledger/holders.h"

namespace baton::admin {

// What the budgets of one reply are told from: the purses that are open, and the ledger for those that are not.
struct Money {
  const ledger::Budgets* budgets = nullptr;  // null: the ledger alone
  const ledger::Holders& holders;
  WallTime now;
};

void write_key(JsonWriter& json, const auth::StoredKey& key, const Money& money);
// The value: {"day", "month", "reserve"} in dollars, or null.
void write_budget(JsonWriter& json, const model::Budget& budget);
// The value: a list, one item for each period that is limited.
void write_standings(JsonWriter& json, const std::string& holder, const model::Budget& budget, const Money& money);

}  // namespace baton::admin
