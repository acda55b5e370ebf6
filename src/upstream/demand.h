// Demand: how many connections an endpoint is likely to need soon: the highest number in use lately, halved every half
// minute, and while calls outran the connections that were there, some more than are in use. Life: a member of a
// ConnectionPool. Thread: its loop's; `now` is an argument. Bounds: three numbers. Source: our own.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/units.h"

namespace baton::upstream {

class Demand {
 public:
  static constexpr Duration kHalved = std::chrono::seconds(30);
  static constexpr Duration kRising = std::chrono::seconds(10);  // so long after a call found no connection ready

  // A call takes a connection, after which `in_use` are taken. `missed`: none was ready.
  void taken(size_t in_use, bool missed, Instant now) {
    if (missed) missed_at_ = now;
    if (static_cast<double>(in_use) >= peak_ || static_cast<double>(in_use) >= peak(now)) {
      peak_ = static_cast<double>(in_use);
      peak_at_ = now;
    }
  }
  // In use and ready, together.
  size_t wanted(size_t in_use, Instant now) const {
    const auto again = static_cast<size_t>(std::lround(peak(now)));
    const bool rising = missed_at_.ns != 0 && now - missed_at_ < kRising && in_use >= 2;
    return std::max(again, in_use + (rising ? std::max<size_t>(1, in_use / 4) : 0));
  }

 private:
  double peak(Instant now) const {
    if (peak_ == 0) return 0;
    return peak_ * std::exp2(-seconds(now - peak_at_) / seconds(kHalved));
  }
  double peak_ = 0;
  Instant peak_at_{};
  Instant missed_at_{};
};

}  // namespace baton::upstream
