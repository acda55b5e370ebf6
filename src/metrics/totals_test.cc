#include "metrics/totals.h"

#include <gtest/gtest.h>

#include "metrics/relay_metrics.h"

namespace baton::metrics {
namespace {

using namespace std::chrono_literals;

TEST(Totals, add_up_what_all_loops_counted) {
  RelayMetrics metrics({.accounts = {"a"}, .loops = 2, .version = "1"});
  model::Outcome outcome;
  outcome.operation = model::Operation::kMessages;
  outcome.first_byte = 20ms;
  outcome.added = 80us;
  outcome.usage = {.known = true,
                   .input_tokens = 3,
                   .output_tokens = 5,
                   .cache_creation_input_tokens = 7,
                   .cache_read_input_tokens = 11};
  for (const auto& [status, account, loop] : {std::tuple{200, "a", 0}, {529, "a", 1}, {0, "new", 1}, {204, "a", 1}}) {
    outcome.status = status;
    outcome.saved_nanodollars = status == 200 ? 1'500'000 : 0;
    outcome.cache = status == 200 ? model::CacheUse::kHit : model::CacheUse::kMiss;
    outcome.attempts.assign(1, {});
    outcome.attempts[0].account = account;
    metrics.shard(static_cast<size_t>(loop)).call_closed(outcome);
  }
  Held held = metrics.shard(1).stream_open();
  metrics.shard(0).cache_grew(1000, 3);
  metrics.cache_purged(400, 1);
  const Totals totals = totals_of(metrics);
  EXPECT_EQ(totals.calls, 4u);
  EXPECT_EQ(totals.failed, 2u);
  EXPECT_EQ(totals.streams_open, 1);
  EXPECT_EQ(totals.input_tokens, 12u);
  EXPECT_EQ(totals.output_tokens, 20u);
  EXPECT_EQ(totals.cache_read_tokens, 44u);
  EXPECT_EQ(totals.cache_bytes, 600);
  EXPECT_EQ(totals.cache_entries, 2);
  EXPECT_EQ(totals.cache_hits, 1u);
  EXPECT_EQ(totals.cache_misses, 3u);
  EXPECT_EQ(totals.saved_nanodollars, 1'500'000u);
  EXPECT_EQ(totals.first_byte[1], 4u);
}

TEST(Totals, quantiles_lie_within_their_bucket) {
  BucketCounts counts{};
  EXPECT_FALSE(quantile(counts, kFirstByteBounds, 0.5));
  counts[1] = 100;  // 10 to 50 ms
  EXPECT_EQ(*quantile(counts, kFirstByteBounds, 0.5), 30ms);
  EXPECT_EQ(*quantile(counts, kFirstByteBounds, 1), 50ms);
  counts[3] = 100;  // 100 to 250 ms
  EXPECT_EQ(*quantile(counts, kFirstByteBounds, 0.75), 175ms);
  BucketCounts beyond{};
  beyond[kFirstByteBounds.size()] = 1;
  EXPECT_EQ(*quantile(beyond, kFirstByteBounds, 0.99), kFirstByteBounds.back());
  EXPECT_EQ(since(counts, counts), BucketCounts{});
}

}  // namespace
}  // namespace baton::metrics
