#include "store/redis_breaker.h"

#include <gtest/gtest.h>

namespace baton::store {
namespace {

using namespace std::chrono_literals;

TEST(RedisBreaker, opens_after_so_many_failures_in_a_row) {
  RedisBreaker breaker;
  for (int round = 0; round < 3; ++round) {
    for (uint32_t i = 1; i < RedisBreaker::kFailuresMax; ++i) EXPECT_FALSE(breaker.failed());
    breaker.succeeded();
  }
  for (uint32_t i = 1; i < RedisBreaker::kFailuresMax; ++i) EXPECT_FALSE(breaker.failed());
  EXPECT_TRUE(breaker.failed());
}

TEST(RedisBreaker, pauses_longer_each_time_until_an_answer_has_come) {
  RedisBreaker breaker;
  Instant now{1'000'000};
  Duration wanted = RedisBreaker::kPauseMin;
  for (int i = 0; i < 10; ++i) {
    breaker.open(now, 0.5);
    EXPECT_EQ(breaker.try_at() - now, wanted) << i;
    wanted = std::min(2 * wanted, RedisBreaker::kPauseMax);
  }
  breaker.succeeded();
  breaker.open(now, 0.0);
  EXPECT_EQ(breaker.try_at() - now, 75ms);
  breaker.succeeded();
  breaker.open(now, 0.999);
  EXPECT_GT(breaker.try_at() - now, 124ms);
  EXPECT_LT(breaker.try_at() - now, 125ms);
}

}  // namespace
}  // namespace baton::store
