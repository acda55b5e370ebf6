// Counter, Gauge, Histogram: cells that one loop writes and a scrape on any thread reads. A write is an ordinary load,
// add and store (relaxed atomics with a single writer), a read sees some recent value.
// Life: members of a Shard. Thread: written by one, read by any.
// Bounds: a histogram has at most kBucketsMax bounds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/units.h"

namespace baton::metrics {

class Counter {
 public:
  void operator++() { *this += 1; }
  void operator+=(uint64_t by) { value_.store(value() + by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void add(int64_t by) { value_.store(value() + by, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Counts durations by upper bound (inclusive, ascending, borrowed for ever: give it a constant); negative ones count as
// zero.
class Histogram {
 public:
  static constexpr size_t kBucketsMax = 24;

  explicit Histogram(std::span<const Duration> bounds) : bounds_(bounds) { BATON_CHECK(bounds.size() <= kBucketsMax); }
  void observe(Duration value) {
    if (value < Duration{0}) value = Duration{0};
    size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    ++counts_[bucket];
    sum_ns_ += static_cast<uint64_t>(value.count());
  }
  std::span<const Duration> bounds() const { return bounds_; }
  // Observations in (bounds[bucket - 1], bounds[bucket]]; bucket == bounds().size() holds everything larger.
  uint64_t count(size_t bucket) const { return counts_[bucket].value(); }
  uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
  std::span<const Duration> bounds_;
  std::array<Counter, kBucketsMax + 1> counts_;
  Counter sum_ns_;
};

// Upper bounds of the histograms; +Inf follows by itself. Chosen among those that 16 digits spell shortly (75 us is
// not).
inline constexpr std::array<Duration, 12> kDurationBounds{
    std::chrono::milliseconds{100},     std::chrono::milliseconds{500},     std::chrono::milliseconds{1'000},
    std::chrono::milliseconds{2'000},   std::chrono::milliseconds{5'000},   std::chrono::milliseconds{10'000},
    std::chrono::milliseconds{30'000},  std::chrono::milliseconds{60'000},  std::chrono::milliseconds{120'000},
    std::chrono::milliseconds{300'000}, std::chrono::milliseconds{600'000}, std::chrono::milliseconds{900'000}};
inline constexpr std::array<Duration, 13> kFirstByteBounds{
    std::chrono::milliseconds{10},     std::chrono::milliseconds{50},     std::chrono::milliseconds{100},
    std::chrono::milliseconds{250},    std::chrono::milliseconds{500},    std::chrono::milliseconds{1'000},
    std::chrono::milliseconds{2'000},  std::chrono::milliseconds{5'000},  std::chrono::milliseconds{10'000},
    std::chrono::milliseconds{30'000}, std::chrono::milliseconds{60'000}, std::chrono::milliseconds{120'000},
    std::chrono::milliseconds{300'000}};
inline constexpr std::array<Duration, 18> kAddedBounds{
    std::chrono::microseconds{25},      std::chrono::microseconds{50},      std::chrono::microseconds{60},
    std::chrono::microseconds{100},     std::chrono::microseconds{150},     std::chrono::microseconds{200},
    std::chrono::microseconds{300},     std::chrono::microseconds{500},     std::chrono::microseconds{750},
    std::chrono::microseconds{1'000},   std::chrono::microseconds{2'000},   std::chrono::microseconds{5'000},
    std::chrono::microseconds{10'000},  std::chrono::microseconds{25'000},  std::chrono::microseconds{50'000},
    std::chrono::microseconds{100'000}, std::chrono::microseconds{250'000}, std::chrono::microseconds{1'000'000}};
inline constexpr std::array<Duration, 10> kStallBounds{
    std::chrono::milliseconds{1},    std::chrono::milliseconds{2},   std::chrono::milliseconds{5},
    std::chrono::milliseconds{10},   std::chrono::milliseconds{25},  std::chrono::milliseconds{50},
    std::chrono::milliseconds{100},  std::chrono::milliseconds{250}, std::chrono::milliseconds{1'000},
    std::chrono::milliseconds{5'000}};

}  // namespace baton::metrics
