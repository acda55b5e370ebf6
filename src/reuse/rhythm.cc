#include "reuse/rhythm.h"

#include <algorithm>
#include <cmath>

namespace baton::reuse {

namespace {

constexpr float kOffShare = 0.03f;  // of a whole pattern
constexpr float kOffLeast = 2;      // seconds

}  // namespace

void Rhythm::used(Instant now) {
  if (begun_) {
    gaps_[count_ % kGaps] = static_cast<float>(seconds(std::max(now - last_, Duration{0})));
    ++count_;
  }
  begun_ = true;
  last_ = now;
}

std::optional<Rhythm::Next> Rhythm::next() const {
  const size_t known = std::min<size_t>(count_, kGaps);
  for (size_t pattern = 1; pattern <= kPatternMax; ++pattern) {
    // Two whole patterns and one gap more, so that each was seen to come again and one of them twice.
    if (known < 2 * pattern + 1) return std::nullopt;
    float whole = 0;
    for (size_t i = 0; i < pattern; ++i) whole += gap(i);
    const float allowed = std::max(kOffLeast, kOffShare * whole);
    float off = 0;
    for (size_t i = 0; i + pattern < std::min(known, 4 * pattern); ++i)
      off = std::max(off, std::abs(gap(i) - gap(i + pattern)));
    if (off > allowed) continue;
    const float expected = (gap(pattern - 1) + gap(2 * pattern - 1)) / 2;
    const auto ns = [](float s) { return Duration(static_cast<int64_t>(static_cast<double>(s) * 1e9)); };
    return Next{.at = last_ + ns(expected), .off = ns(off)};
  }
  return std::nullopt;
}

}  // namespace baton::reuse
