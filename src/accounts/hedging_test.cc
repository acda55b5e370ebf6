#include "accounts/hedging.h"

#include <gtest/gtest.h>

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

constexpr LimitClass kClass = LimitClass::kOtherOperation;

TEST(Hedging, the_95th_percentile_is_learnt_per_kind) {
  Hedging hedging({.enabled = true, .after_least = 1ms});
  for (int i = 0; i < 19; ++i) hedging.learn(kClass, true, 100ms);
  EXPECT_FALSE(hedging.after(kClass, true)) << "too little is known";
  for (int i = 19; i < 95; ++i) hedging.learn(kClass, true, 100ms);
  for (int i = 0; i < 5; ++i) hedging.learn(kClass, true, 4s);
  ASSERT_TRUE(hedging.after(kClass, true));
  EXPECT_GE(*hedging.after(kClass, true), Duration(100ms));
  EXPECT_LE(*hedging.after(kClass, true), Duration(130ms));
  EXPECT_FALSE(hedging.after(kClass, false));
  // One more of the slow ones, and it is theirs.
  for (int i = 0; i < 3; ++i) hedging.learn(kClass, true, 4s);
  EXPECT_GE(*hedging.after(kClass, true), Duration(4s));
}

TEST(Hedging, what_was_long_ago_is_forgotten) {
  Hedging hedging({.enabled = true, .after_least = 1ms});
  for (int i = 0; i < 1000; ++i) hedging.learn(kClass, true, 4s);
  for (int i = 0; i < 20'000; ++i) hedging.learn(kClass, true, 50ms);
  EXPECT_LE(*hedging.after(kClass, true), Duration(65ms));
  hedging.learn(kClass, true, 10h);  // beyond all buckets
  hedging.learn(kClass, true, 0ms);
  EXPECT_LE(*hedging.after(kClass, true), Duration(65ms));
}

TEST(Hedging, the_least_pause_holds) {
  Hedging hedging({.enabled = true, .after_least = 200ms});
  for (int i = 0; i < 100; ++i) hedging.learn(kClass, true, 2ms);
  EXPECT_EQ(*hedging.after(kClass, true), Duration(200ms));
}

TEST(Hedging, second_attempts_are_a_share_of_the_calls) {
  Hedging hedging({.enabled = true, .budget_share = 0.05});
  int spent = 0;
  for (int i = 0; i < 1000; ++i) {
    hedging.call();
    spent += hedging.spend();
  }
  EXPECT_LE(spent, 51);
  EXPECT_GE(spent, 49);
  for (int i = 0; i < 10'000; ++i) hedging.call();
  int saved = 0;
  while (hedging.spend()) ++saved;
  EXPECT_EQ(saved, 10);
}

}  // namespace
}  // namespace baton::accounts
