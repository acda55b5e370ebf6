// Budget: what somebody may spend, in dollars, and how much of it a call takes before its cost is known. CallWeight:
// the most that one attempt at a call can be charged for. Amounts are nanodollars. Periods are calendar days and months
// in UTC.
// Life: values. Thread: any.
#pragma once

#include <cstdint>

namespace baton::model {

// What a call takes of its budgets until it is settled.
enum class Reserve : uint8_t {
  kLearned,  // what calls of the same holder usually cost: 99 of 100 cost no more
  kStrict,   // an upper bound: the budget is never overspent
  kCap,      // a fixed amount, or the upper bound where that is less
};

struct Budget {
  int64_t day_nanodollars = 0;  // 0: no limit
  int64_t month_nanodollars = 0;
  Reserve reserve = Reserve::kLearned;
  int64_t cap_nanodollars = 0;  // for kCap
  bool any() const { return day_nanodollars > 0 || month_nanodollars > 0; }
  friend bool operator==(const Budget&, const Budget&) = default;
};

struct CallWeight {
  int64_t input_tokens = 0;  // cached ones included
  int64_t output_tokens = 0;
  int64_t web_searches = 0;
  int64_t web_fetches = 0;
  friend bool operator==(const CallWeight&, const CallWeight&) = default;
};

}  // namespace baton::model
