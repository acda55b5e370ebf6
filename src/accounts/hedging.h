// Hedging: when a second attempt beside a slow one is worth it, and whether it may be made. Learns, for each class of
// models, how long first bytes take, streamed and not, and gives the time that 95 of 100 stay below; allows second
// attempts up to a share of all calls. Life: a member of the AccountPool. Thread: any (one mutex, held for a few
// steps). Bounds: 96 counters per class and kind, halved every kSamplesMax samples; at most kSavedMax second attempts
// saved up. Source: Dean and Barroso 2013, The tail at scale.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

#include "accounts/config.h"
#include "accounts/limit_class.h"

namespace baton::accounts {

class Hedging {
 public:
  explicit Hedging(const HedgeConfig& config) : config_(config) {}

  bool enabled() const { return config_.enabled; }
  // A call that could be hedged has come: it adds its share to the budget.
  void call();
  // How long such a call waits for its first byte before it is made again; nothing until enough is known.
  std::optional<Duration> after(LimitClass limits, bool stream) const;
  // Takes a second attempt out of the budget; false when there is none.
  bool spend();
  // A first byte took so long; also of an attempt that was given up then.
  void learn(LimitClass limits, bool stream, Duration first_byte);

 private:
  static constexpr size_t kBuckets = 96;
  static constexpr double kSavedMax = 10;
  static constexpr uint32_t kSamplesMin = 20;
  static constexpr uint32_t kSamplesMax = 2000;
  static constexpr double kStayBelow = 0.95;
  struct Times {
    std::array<uint32_t, kBuckets> count{};
    uint32_t total = 0;
  };
  static size_t bucket_of(Duration time);
  static Duration end_of(size_t bucket);

  const HedgeConfig config_;
  mutable std::mutex mutex_;
  double saved_ = 1;
  std::array<Times, 2 * kLimitClasses> times_;
};

}  // namespace baton::accounts
