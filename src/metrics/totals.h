// Totals: the few figures of RelayMetrics that a person looks at live, added up over all loops; and what they were in a
// span of time. The Prometheus page has them all.
// Life: values. Thread: any. Bounds: two histograms.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "metrics/counters.h"

namespace baton::metrics {

class RelayMetrics;

using BucketCounts = std::array<uint64_t, Histogram::kBucketsMax + 1>;

struct Totals {
  // As they stand.
  int64_t in_flight = 0;
  int64_t waiting = 0;
  int64_t streams_open = 0;
  int64_t cache_entries = 0;
  int64_t cache_bytes = 0;
  // Since the start.
  uint64_t calls = 0;
  uint64_t failed = 0;  // answered with 400 and above, or not at all
  uint64_t input_tokens = 0;
  uint64_t output_tokens = 0;
  uint64_t cache_read_tokens = 0;
  uint64_t cache_write_tokens = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t cache_stale = 0;
  uint64_t cache_coalesced = 0;
  uint64_t saved_nanodollars = 0;
  BucketCounts first_byte{};  // by kFirstByteBounds
  BucketCounts added{};       // by kAddedBounds
};

// Any thread; waits for nobody.
Totals totals_of(const RelayMetrics& metrics);

BucketCounts since(const BucketCounts& earlier, const BucketCounts& later);

// The time that a share of the observations did not exceed, within its bucket by a straight line; nothing when there
// are none. Beyond the last bound: that bound.
std::optional<Duration> quantile(const BucketCounts& counts, std::span<const Duration> bounds, double share);

}  // namespace baton::metrics
