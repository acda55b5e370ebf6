// Allowance: what one limit domain lets one class of calls send: three meters, a bench, and a slow start behind the
// bench. A call reserves what it will probably need, its answer corrects the meters, and its usage settles the
// reservation. Life: a member of a LimitDomain. Thread: one at a time (its mutex is the domain's); `now` is an
// argument. Bounds: a few numbers. Source: the vendor's rate limits page (read 2026-11): requests, input tokens without
// cache reads, output tokens, each a bucket.
#pragma once

#include <array>
#include <cstdint>

#include "accounts/meter.h"
#include "base/units.h"

namespace baton::accounts {

struct Need {
  double input_tokens = 0;  // without cache reads
  double output_tokens = 0;
};

// What a call holds of an Allowance.
struct Reservation {
  Need need;
  std::array<Meter::Before, 3> before;
  bool open = false;  // not settled
  bool unanswered = false;
};

// What an answer says of limits; a limit of 0 is not stated.
struct StatedLimits {
  std::array<Meter::Stated, 3> meters;  // requests, input tokens, output tokens
  bool any() const { return meters[0].limit > 0 || meters[1].limit > 0 || meters[2].limit > 0; }
};

class Allowance {
 public:
  void set_ceilings(double requests, double input_tokens, double output_tokens);

  // Whether there is anything to ask at all; while there is not, calls need not be counted here.
  bool idle(Instant now) const { return !metered_ && ramp_ == 0 && now >= benched_until_; }
  bool metered() const { return metered_; }
  Instant benched_until() const { return benched_until_; }

  // When a call with this need may go: `now` or before, or the earliest time that is known.
  Instant ready_at(const Need& need, Instant now) const;
  // Takes its share, ready or not.
  Reservation reserve(const Need& need, Instant now);
  // Its answer's head has come.
  void answered(Reservation& held, const StatedLimits& stated, Instant now);
  // It ended: `actual` is what it used.
  void settle(Reservation& held, const Need& actual, Instant now);
  // The vendor refused it for a limit, so that it does not count there.
  void refused(Reservation& held, const StatedLimits& stated, Instant now);
  // It never reached the vendor.
  void give_back(Reservation& held, Instant now);

  // Nothing goes before `until`; then, where no meter is known, calls go one by one at first.
  void bench(Instant until);

  // As it was at `at`, before a restart.
  void restore(const std::array<double, 3>& limits, const std::array<double, 3>& levels, Instant at);

  const Meter& meter(size_t index) const { return meters_[index]; }

 private:
  static constexpr uint32_t kRampDone = 64;
  static constexpr std::array<double, 3> amounts(const Need& need) {
    return {1, need.input_tokens, need.output_tokens};
  }
  static constexpr Duration kRampStep = std::chrono::seconds(1);
  void close(Reservation& held);
  void learn(Reservation& held, const StatedLimits& stated, Instant now);

  std::array<Meter, 3> meters_;
  std::array<double, 3> unanswered_{};
  uint32_t unanswered_calls_ = 0;
  uint32_t ramp_ = 0;  // calls that may be without an answer; 0: any number
  bool metered_ = false;
  Instant benched_until_{};
};

}  // namespace baton::accounts
