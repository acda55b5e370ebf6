#include "auth/token_rate.h"

#include <gtest/gtest.h>

namespace baton::auth {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000'000'000'000};

ClientKey key_with(uint64_t per_minute) {
  return {.id = "key_1", .name = "ci", .rights = {.tokens_per_minute = per_minute}, .meter = std::make_shared<Meter>()};
}

class TokenRate : public ::testing::Test {
 protected:
  // What take_tokens() gives, settled as was taken.
  bool use(int64_t tokens, Duration at) {
    auto hold = take_tokens(key_, tokens, kStart + at, retry_after_);
    if (!hold) return false;
    hold->settle(tokens);
    return true;
  }
  ClientKey key_ = key_with(6000);
  Duration retry_after_{0};
};

TEST_F(TokenRate, AMinutesTokensMayBeUsedAtOnceAndComeBackEvenly) {
  EXPECT_TRUE(use(4000, 0s));
  EXPECT_TRUE(use(2000, 0s));
  EXPECT_FALSE(use(100, 0s));
  EXPECT_EQ(retry_after_, 1s);
  EXPECT_FALSE(use(100, 999ms));
  EXPECT_TRUE(use(100, 1s));
  EXPECT_FALSE(use(3000, 30s));
  EXPECT_TRUE(use(2900, 30s));
}

TEST_F(TokenRate, WhatWasNotUsedIsGivenBackAndWhatWasUsedBeyondIsOwed) {
  auto first = take_tokens(key_, 6000, kStart, retry_after_);
  ASSERT_TRUE(first);
  EXPECT_FALSE(take_tokens(key_, 1000, kStart, retry_after_));
  first->settle(2000);
  first->settle(0);  // once only
  auto second = take_tokens(key_, 4000, kStart, retry_after_);
  ASSERT_TRUE(second);
  second->settle(10'000);  // 12,000 in all: one minute's worth too many
  EXPECT_FALSE(use(10, 60s));
  EXPECT_TRUE(use(10, 61s));
}

TEST_F(TokenRate, AHoldThatGoesUnsettledGivesAllBackUnlessItIsForfeit) {
  {
    auto lost = take_tokens(key_, 6000, kStart, retry_after_);
  }
  auto unknown = take_tokens(key_, 6000, kStart, retry_after_);
  ASSERT_TRUE(unknown);
  unknown->forfeit();
  EXPECT_FALSE(use(10, 0s));
}

TEST_F(TokenRate, ACallLargerThanAMinuteWaitsUntilNothingIsOwed) {
  EXPECT_TRUE(use(100'000, 0s));
  EXPECT_FALSE(use(1, 900s));
  EXPECT_TRUE(use(10, 941s));
  EXPECT_FALSE(use(100'000, 942s));
  EXPECT_LE(retry_after_, 59s);
  EXPECT_TRUE(use(100'000, 1100s));
}

TEST_F(TokenRate, WithoutALimitNothingIsCounted) {
  key_ = key_with(0);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(use(1'000'000'000, 0s));
  EXPECT_EQ(key_.meter->tokens_spent_to.load(), 0);
}

}  // namespace
}  // namespace baton::auth
