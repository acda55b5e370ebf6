#include "upstream/demand.h"

#include <gtest/gtest.h>

namespace baton::upstream {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000'000'000'000};

TEST(Demand, nothing_is_wanted_where_nothing_was_used) { EXPECT_EQ(Demand().wanted(0, kStart), 0u); }

TEST(Demand, the_peak_of_lately_is_wanted_and_fades) {
  Demand demand;
  for (size_t in_use = 1; in_use <= 8; ++in_use) demand.taken(in_use, false, kStart);
  EXPECT_EQ(demand.wanted(0, kStart), 8u);
  EXPECT_EQ(demand.wanted(0, kStart + 30s), 4u);
  EXPECT_EQ(demand.wanted(0, kStart + 60s), 2u);
  EXPECT_EQ(demand.wanted(0, kStart + 10min), 0u);
}

TEST(Demand, a_smaller_peak_counts_once_the_larger_one_has_faded_below_it) {
  Demand demand;
  demand.taken(8, false, kStart);
  demand.taken(3, false, kStart + 10s);
  EXPECT_EQ(demand.wanted(0, kStart + 10s), 6u);
  demand.taken(3, false, kStart + 60s);
  EXPECT_EQ(demand.wanted(0, kStart + 60s), 3u);
  EXPECT_EQ(demand.wanted(0, kStart + 90s), 2u);
}

TEST(Demand, while_calls_outrun_connections_some_more_are_wanted) {
  Demand demand;
  demand.taken(1, true, kStart);
  EXPECT_EQ(demand.wanted(1, kStart), 1u) << "one call alone is no rush";
  demand.taken(2, true, kStart);
  EXPECT_EQ(demand.wanted(2, kStart), 3u);
  demand.taken(40, true, kStart);
  EXPECT_EQ(demand.wanted(40, kStart), 50u);
  EXPECT_EQ(demand.wanted(40, kStart + 11s), 40u);
}

}  // namespace
}  // namespace baton::upstream
