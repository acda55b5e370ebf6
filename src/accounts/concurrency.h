// ConcurrencyLimit: how many calls one endpoint may have in flight, found from its first-byte times. What an endpoint
// takes when little is asked of it is its floor; as long as calls beside each other take no longer, the limit grows
// while it is used, and when they take longer it shrinks: limit = gradient x limit + headroom, gradient = (floor and
// what is tolerated) / median of a window, within 0.5 and 2, smoothed. The floor is taken from windows in which at most
// half of the limit was used; when there was none for a while the limit is halved for a few samples, at times that are
// drawn apart so that endpoints do not do it together. Life: one per endpoint. Thread: one at a time (the endpoint's
// mutex); `now` is an argument. Bounds: ConcurrencyConfig.least and most; kSamplesMax numbers.
// Source: Envoy adaptive concurrency (gradient controller), Netflix concurrency-limits (Gradient2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "accounts/config.h"
#include "base/units.h"
#include "runtime/clock.h"

namespace baton::accounts {

class ConcurrencyLimit {
 public:
  static constexpr size_t kSamplesMax = 128;   // of a window; beyond it the oldest are replaced
  static constexpr size_t kSamplesLeast = 5;   // before a window says anything
  static constexpr size_t kFloorSamples = 10;  // before a floor is believed
  static constexpr Duration kWindow = std::chrono::seconds(1);
  static constexpr Duration kMeasureMax = std::chrono::seconds(10);  // the limit is halved no longer than this

  // Borrows the config for its life.
  ConcurrencyLimit(const ConcurrencyConfig& config, uint64_t seed);

  // What may be in flight.
  uint32_t limit() const;
  Duration floor() const { return floor_; }
  bool measuring() const { return measuring_; }

  struct Sample {
    Duration first_byte{};
    Instant sent{};
    uint32_t in_flight = 1;  // with it, when it was sent
  };
  void sample(const Sample& one, Instant now);

 private:
  void close_window(Instant now);
  void close_measure(Instant now);
  void begin_window(Instant now);
  void plan_measure(Instant now);
  uint32_t measure_limit() const;
  Duration median();

  const ConcurrencyConfig& config_;
  runtime::Random random_;
  double limit_;
  double gradient_ = 1;
  Duration floor_{0};  // 0: not known
  std::array<int64_t, kSamplesMax> samples_{};
  size_t count_ = 0;
  uint32_t used_ = 0;  // the most in flight in the window
  Instant window_began_{};
  Instant measure_at_{};
  bool measuring_ = false;
};

}  // namespace baton::accounts
