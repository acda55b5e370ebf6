// CostSketch: what calls usually cost: a histogram over powers of 2^(1/4), from which a share's upper edge is read, at
// most 19 % above the truth. Old calls fade: when kCallsMax are counted, all counts are halved.
// Life: a member of a purse. Thread: its mutex. Bounds: kBuckets counts.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace baton::ledger {

class CostSketch {
 public:
  static constexpr uint32_t kCallsMin = 20;  // before so many it knows nothing
  static constexpr uint32_t kCallsMax = 2048;

  void add(int64_t nanodollars) {
    ++counts_[bucket(nanodollars)];
    if (++total_ < kCallsMax) return;
    total_ = 0;
    for (uint32_t& count : counts_) total_ += count /= 2;
  }

  // What 99 of 100 calls cost no more than; nothing while there were too few.
  std::optional<int64_t> p99() const {
    if (total_ < kCallsMin) return std::nullopt;
    const uint32_t wanted = total_ - total_ / 100;
    uint32_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += counts_[i];
      if (seen >= wanted) return upper_edge(i);
    }
    return upper_edge(kBuckets - 1);
  }

 private:
  static constexpr size_t kBuckets = 160;  // from 1,000 nanodollars to a million dollars
  static constexpr double kFirst = 1'000;  // nanodollars
  static constexpr double kPerDoubling = 4;

  static size_t bucket(int64_t nanodollars) {
    if (static_cast<double>(nanodollars) <= kFirst) return 0;
    const double at = std::ceil(std::log2(static_cast<double>(nanodollars) / kFirst) * kPerDoubling);
    return std::min(static_cast<size_t>(at), kBuckets - 1);
  }
  static int64_t upper_edge(size_t bucket) {
    return static_cast<int64_t>(std::ceil(kFirst * std::exp2(static_cast<double>(bucket) / kPerDoubling)));
  }

  std::array<uint32_t, kBuckets> counts_{};
  uint32_t total_ = 0;
};

}  // namespace baton::ledger
