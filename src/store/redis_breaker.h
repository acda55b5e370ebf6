// RedisBreaker: whether Redis is asked at all. Opens after kFailuresMax failures in a row, or when the connection is
// lost; then one try after each pause, which doubles until an answer has come in time. Life: a member. Thread: one
// loop. Pure: `now` and chance are arguments.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/units.h"

namespace baton::store {

class RedisBreaker {
 public:
  static constexpr uint32_t kFailuresMax = 5;
  static constexpr Duration kPauseMin = std::chrono::milliseconds(100);
  static constexpr Duration kPauseMax = std::chrono::seconds(5);

  // An answer came in time.
  void succeeded() {
    failures_ = 0;
    pause_ = kPauseMin;
  }
  // One did not, or was an error. True: that was one too many.
  bool failed() { return ++failures_ >= kFailuresMax; }
  // `chance` in [0, 1): relays that lost the same Redis do not all come back at once.
  void open(Instant now, double chance) {
    const auto pause = static_cast<int64_t>(static_cast<double>(pause_.count()) * (0.75 + 0.5 * chance));
    try_at_ = now + Duration{pause};
    pause_ = std::min(2 * pause_, kPauseMax);
    failures_ = 0;
  }
  Instant try_at() const { return try_at_; }

 private:
  uint32_t failures_ = 0;
  Duration pause_ = kPauseMin;
  Instant try_at_{};
};

}  // namespace baton::store
