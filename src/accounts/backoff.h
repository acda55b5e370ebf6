// backoff(): the pause before the same account is asked again, when it did not say how long. Full jitter between the
// least pause and a bound that doubles. Thread: any; pure but for the chance given. Source: Exponential Backoff and
// Jitter, AWS Architecture Blog, 2015.
#pragma once

#include <algorithm>
#include <cstdint>

#include "accounts/config.h"
#include "runtime/clock.h"

namespace baton::accounts {

// `repetition` counts from 0.
inline Duration backoff(const BackoffConfig& config, uint32_t repetition, runtime::Random& random) {
  const int64_t base = config.base.count();
  const int64_t doubled =
      repetition > 30 || base > (config.max.count() >> repetition) ? config.max.count() : base << repetition;
  const int64_t bound = std::max(config.first.count(), std::min(doubled, config.max.count()));
  return Duration{config.first.count() +
                  static_cast<int64_t>(random.below(static_cast<uint64_t>(bound - config.first.count()) + 1))};
}

}  // namespace baton::accounts
