// BudgetReader: the `budgets` section: who may spend how much, and where warnings go. Every refusal throws Problem.
// Life: during load(). Thread: one.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "config/read.h"
#include "ledger/config.h"

namespace baton::config {

inline constexpr size_t kBudgetsMax = 10'000;

std::map<std::string, model::Budget, std::less<>> read_budgets(const Source& source, const Place& place);
// The address and secret of the webhook, once both are read.
void check_webhook(const Source& source, const Place& section, ledger::Config& config);

}  // namespace baton::config
