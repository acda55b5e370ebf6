// recover_budgets(): tells the budgets what the ledger knows to be spent, so that nobody may spend a budget a second
// time because the process was started anew, or for nothing because it was given late. Thread: any but a loop's.
#pragma once

#include "app/shared.h"

namespace baton::app {

// kStore: the ledger cannot be read; what the budgets knew stays.
Expected<void> recover_budgets(Shared& shared);

}  // namespace baton::app
