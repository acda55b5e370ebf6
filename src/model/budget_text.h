// The texts of budgets, as the configuration, the command line and the operator's API have them. Amounts never pass
// through a float. Thread: any; pure. Bounds: amounts below a billion dollars.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "model/budget.h"

namespace baton::model {

// The value, or the reason: a phrase that follows "key: ".
template <class T>
using BudgetParsed = std::expected<T, std::string>;

// "50", "$0.25": dollars with at most nine decimals, more than 0, as nanodollars.
BudgetParsed<int64_t> parse_dollars(std::string_view text);
// "50/day" or "500/month" into the budget that has it; the other period stays as it is.
BudgetParsed<Budget> parse_budget(std::string_view text, Budget budget);
// "learned", "strict" or "cap:0.5" into the budget.
BudgetParsed<Budget> parse_reserve(std::string_view text, Budget budget);
// "learned", "strict" or "cap:0.5".
std::string reserve_text(const Budget& budget);
// "50/day 500/month strict"; empty for none.
std::string budget_text(const Budget& budget);

}  // namespace baton::model
