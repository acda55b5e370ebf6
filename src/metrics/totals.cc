#include "metrics/totals.h"

#include "metrics/relay_metrics.h"

namespace baton::metrics {

// The friend that reads the shards.
class TotalsReader {
 public:
  static Totals read(const RelayMetrics& metrics) {
    Totals sum;
    for (const auto& shard : metrics.shards_) add(sum, *shard);
    sum.cache_entries -= metrics.gone_entries_.load(std::memory_order_relaxed);
    sum.cache_bytes -= metrics.gone_bytes_.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  using Shard = RelayMetrics::Shard;

  static void add(Totals& sum, const Shard& shard) {
    sum.in_flight += shard.calls_in_flight_.value();
    sum.waiting += shard.calls_waiting_.value();
    sum.streams_open += shard.streams_open_.value();
    sum.cache_entries += shard.cache_entries_.value();
    sum.cache_bytes += shard.cache_bytes_.value();
    for (size_t i = 0; i < Shard::kStatuses; ++i) {
      const uint64_t count = shard.statuses_[i].value();
      sum.calls += count;
      const bool good = i < Shard::kStatusNone && i + Shard::kStatusMin >= 200 && i + Shard::kStatusMin < 400;
      if (!good) sum.failed += count;
    }
    sum.cache_hits += shard.cache_uses_[static_cast<size_t>(model::CacheUse::kHit)].value();
    sum.cache_misses += shard.cache_uses_[static_cast<size_t>(model::CacheUse::kMiss)].value();
    sum.cache_stale += shard.cache_uses_[static_cast<size_t>(model::CacheUse::kStale)].value();
    sum.cache_coalesced += shard.cache_uses_[static_cast<size_t>(model::CacheUse::kCoalesced)].value();
    for (const Counter& saved : shard.saved_) sum.saved_nanodollars += saved.value();
    for (const auto& place : shard.accounts_) {
      if (const auto* account = place.load(std::memory_order_acquire)) add(sum, account->tokens);
    }
    add(sum, shard.other_account_.tokens);
    add(sum.first_byte, shard.first_byte_);
    add(sum.added, shard.added_);
  }
  static void add(Totals& sum, const Shard::Tokens& tokens) {
    sum.input_tokens += tokens.input.value();
    sum.output_tokens += tokens.output.value();
    sum.cache_read_tokens += tokens.cache_read.value();
    sum.cache_write_tokens +=
        tokens.cache_write.value() + tokens.cache_write_5m.value() + tokens.cache_write_1h.value();
  }
  static void add(BucketCounts& sum, const Histogram& histogram) {
    for (size_t i = 0; i <= histogram.bounds().size(); ++i) sum[i] += histogram.count(i);
  }
};

Totals totals_of(const RelayMetrics& metrics) { return TotalsReader::read(metrics); }

BucketCounts since(const BucketCounts& earlier, const BucketCounts& later) {
  BucketCounts out{};
  for (size_t i = 0; i < out.size(); ++i) out[i] = later[i] - earlier[i];
  return out;
}

std::optional<Duration> quantile(const BucketCounts& counts, std::span<const Duration> bounds, double share) {
  uint64_t all = 0;
  for (uint64_t count : counts) all += count;
  if (all == 0 || bounds.empty()) return std::nullopt;
  const double wanted = share * static_cast<double>(all);
  double before = 0;
  for (size_t i = 0; i < bounds.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (before + here >= wanted && here > 0) {
      const Duration low = i == 0 ? Duration{0} : bounds[i - 1];
      const double part = (wanted - before) / here;
      return low + Duration{static_cast<int64_t>(part * static_cast<double>((bounds[i] - low).count()))};
    }
    before += here;
  }
  return bounds.back();
}

}  // namespace baton::metrics
