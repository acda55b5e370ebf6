// DecayedLoad: how much an account was given lately: a sum whose parts halve in every half-life. Life: a member of the
// pool's state of an account. Thread: any (one atomic word). Bounds: one word; single precision, and milliseconds that
// wrap after 49 days, which at worst makes an account look idle or busy once. Source: our own.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/units.h"

namespace baton::accounts {

class DecayedLoad {
 public:
  double at(Instant now, Duration half_life) const {
    return decayed(word_.load(std::memory_order_relaxed), now, half_life);
  }
  // Never below zero.
  void add(double amount, Instant now, Duration half_life) {
    uint64_t old = word_.load(std::memory_order_relaxed);
    uint64_t next = 0;
    do {
      const auto level = static_cast<float>(std::max(0.0, decayed(old, now, half_life) + amount));
      next = uint64_t{std::bit_cast<uint32_t>(level)} << 32 | stamp(now);
    } while (!word_.compare_exchange_weak(old, next, std::memory_order_relaxed));
  }

 private:
  static uint32_t stamp(Instant now) { return static_cast<uint32_t>(now.ns / 1'000'000); }
  static double decayed(uint64_t word, Instant now, Duration half_life) {
    const auto level = static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(word >> 32)));
    if (level <= 0) return 0;
    const auto passed = static_cast<int32_t>(stamp(now) - static_cast<uint32_t>(word));
    return passed <= 0 ? level
                       : level * std::exp2(-static_cast<double>(passed) * 1e6 / static_cast<double>(half_life.count()));
  }

  std::atomic<uint64_t> word_{0};
};

}  // namespace baton::accounts
