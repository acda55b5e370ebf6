#include "accounts/meter.h"

#include <algorithm>
#include <cmath>

namespace baton::accounts {

void Meter::set_ceiling(double per_minute) {
  ceiling_ = per_minute;
  if (per_minute <= 0) return;
  limit_ = per_minute;
  level_ = per_minute;
}

double Meter::level(Instant now) const {
  const double refilled = level_ + seconds(std::max(now - at_, Duration{0})) * limit_ / 60.0;
  return std::min(refilled, limit_);
}

void Meter::set_level(double level, Instant now) {
  level_ = std::min(level, limit_);
  at_ = std::max(at_, now);
}

Duration Meter::wait_for(double amount, Instant now) const {
  if (!known()) return Duration{0};
  const double missing = std::min(amount, limit_) - level(now);
  if (missing <= 0) return Duration{0};
  return Duration{static_cast<int64_t>(std::ceil(missing * 60e9 / limit_))};
}

void Meter::take(double amount, Instant now) {
  taken_ += amount;
  if (known()) set_level(level(now) - amount, now);
}

void Meter::learn(const Stated& stated, const Before& before, Instant now) {
  if (stated.limit <= 0) return;
  const bool first = !known();
  limit_ = ceiling_ > 0 ? std::min(ceiling_, stated.limit) : stated.limit;
  // A ceiling below the vendor's limit is ours alone to count.
  if (ceiling_ > 0 && ceiling_ < stated.limit) return set_level(level(now), now);
  const double remaining = std::max(0.0, stated.remaining - std::min(stated.rounding, 0.05 * limit_));
  const double since = std::max(0.0, taken_ - before.taken);
  const double most = remaining + seconds(std::max(now - before.sent, Duration{0})) * limit_ / 60.0;
  const double least = std::min(most, remaining - since - before.unanswered);
  if (first) return set_level(least, now);
  set_level(std::clamp(level(now), least, most), now);
}

void Meter::restore(double limit, double level, Instant at) {
  if (limit <= 0) return;
  limit_ = ceiling_ > 0 ? std::min(ceiling_, limit) : limit;
  level_ = std::min(level, limit_);
  at_ = at;
}

}  // namespace baton::accounts
