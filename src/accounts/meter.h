// Meter: one of the vendor's token buckets as seen from here. It is full at first, refills continuously, may be in
// debt, and is kept between what the last answer makes possible at least and at most. Life: a member of an Allowance.
// Thread: one at a time; `now` is an argument. Bounds: a few numbers. Source: the vendor's rate limits page (read
// 2026-11): buckets refill continuously, remaining tokens are rounded to thousands.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace baton::accounts {

class Meter {
 public:
  // The operator's ceiling per minute; 0: none. The smaller of it and what the vendor states holds.
  void set_ceiling(double per_minute);

  bool known() const { return limit_ > 0; }
  double limit() const { return limit_; }
  double level(Instant now) const;
  double taken() const { return taken_; }  // all ever taken, less what was given back

  // Until `amount` is there, or the meter is full. 0 when nothing is known.
  Duration wait_for(double amount, Instant now) const;
  // Negative amounts give back.
  void take(double amount, Instant now);

  struct Stated {
    double limit = 0;  // per minute
    double remaining = 0;
    double rounding = 0;  // remaining may be off by this much
  };
  // What was so when the request was sent whose answer states it.
  struct Before {
    Instant sent{};
    double taken = 0;       // taken() right after its own share
    double unanswered = 0;  // shares of requests before it that had no answer then: the vendor may not have seen them
  };
  // The vendor looked between `before.sent` and `now`. The level is moved no further than that allows.
  void learn(const Stated& stated, const Before& before, Instant now);
  // As it was at `at`, before a restart.
  void restore(double limit, double level, Instant at);

 private:
  void set_level(double level, Instant now);

  double ceiling_ = 0;
  double limit_ = 0;  // 0: not known
  double level_ = 0;
  double taken_ = 0;
  Instant at_{};
};

}  // namespace baton::accounts
