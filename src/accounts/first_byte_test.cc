#include "accounts/first_byte.h"

#include <gtest/gtest.h>

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000'000'000'000};

TEST(FirstByte, begins_with_the_networks_time_and_what_others_take) {
  FirstByte one;
  EXPECT_FALSE(one.known());
  EXPECT_EQ(one.expected(400ms), 400ms);
  one.probed(30ms);
  EXPECT_EQ(one.network(), 30ms);
  EXPECT_EQ(one.expected(400ms), 430ms);
  one.probed(50ms);
  EXPECT_EQ(one.network(), 40ms) << "half of the way";
}

TEST(FirstByte, a_slower_answer_counts_at_once_and_faster_ones_over_time) {
  FirstByte one;
  one.sample(500ms, kStart);
  one.sample(2s, kStart + 1s);
  EXPECT_EQ(one.expected({}), 2s);
  one.sample(500ms, kStart + 2s);
  EXPECT_GT(one.expected({}), 1800ms);
  Instant now = kStart + 2s;
  for (int i = 0; i < 60; ++i) one.sample(500ms, now = now + 1s);
  EXPECT_LT(one.expected({}), 510ms);
}

TEST(FirstByte, the_network_is_not_counted_twice_and_moves_the_estimate_without_a_call) {
  FirstByte one;
  one.probed(100ms);
  one.sample(600ms, kStart);
  EXPECT_EQ(one.server(), 500ms);
  EXPECT_EQ(one.expected({}), 600ms);
  for (int i = 0; i < 12; ++i) one.probed(1100ms);
  EXPECT_NEAR(seconds(one.expected({})), 1.6, 0.01);
  one.sample(50ms, kStart + 1s);
  EXPECT_GE(one.server().count(), 0) << "an answer faster than the probes is not negative";
}

}  // namespace
}  // namespace baton::accounts
