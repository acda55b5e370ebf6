// Clock and Random: the seams through which time and chance enter. Real ones for the program, virtual ones for
// simulations.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace baton::runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;    // steady
  virtual WallTime wall() const = 0;  // what a calendar shows
};

class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
};

// Moves only when told. Starts at a non-zero time, since zero hides mistakes.
class VirtualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override;
  void set(Instant at) { now_ = at; }
  void advance(Duration by) { now_ = now_ + by; }

 private:
  Instant now_{1'000'000'000'000};
};

// SplitMix64: small, fast, seeded; not for secrets. Source: Steele, Lea, Flood 2014.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // In [0, bound); 0 when bound is 0.
  uint64_t below(uint64_t bound) {
    return bound == 0 ? 0 : static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double p) { return unit() < p; }

 private:
  uint64_t state_;
};

}  // namespace baton::runtime
