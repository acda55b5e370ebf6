// Rhythm: when one thing was used, and when it is to be expected again if its uses come round: each hour, each day at
// nine, or in a pattern of up to kPatternMax gaps ("at nine and at five"). Life: a value. Thread: one at a time.
// Bounds: the last kGaps gaps. Source: our own; a gap is compared with the one a whole pattern before it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/units.h"

namespace baton::reuse {

class Rhythm {
 public:
  static constexpr size_t kGaps = 16;
  static constexpr size_t kPatternMax = 4;

  void used(Instant now);
  struct Next {
    Instant at;
    Duration off;  // how far off such a guess may be, as the last ones show
  };
  // Nothing: too few uses, or no pattern in them.
  std::optional<Next> next() const;
  Instant last() const { return last_; }

 private:
  // The gap before so many others; 0: the newest.
  float gap(size_t back) const { return gaps_[(count_ - 1 - back) % kGaps]; }

  std::array<float, kGaps> gaps_{};  // seconds
  uint32_t count_ = 0;
  bool begun_ = false;
  Instant last_{};
};

}  // namespace baton::reuse
