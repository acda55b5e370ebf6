// The texts of budgets, as the configuration and the command line have them. Amounts never pass through a float.
// Thread: any; pure. Bounds: amounts below a billion dollars.
#pragma once

#include <string_view>

#include "config/value.h"
#include "model/budget.h"

namespace baton::config {

// "50", "$0.25": dollars with at most nine decimals, more than 0, as nanodollars.
Parsed<int64_t> parse_dollars(std::string_view text);
// "50/day" or "500/month" into the budget that has it; the other period stays as it is.
Parsed<model::Budget> parse_budget(std::string_view text, model::Budget budget);
// "learned", "strict" or "cap:0.5" into the budget.
Parsed<model::Budget> parse_reserve(std::string_view text, model::Budget budget);
// "50/day 500/month strict"; empty for none.
std::string budget_text(const model::Budget& budget);

}  // namespace baton::config
