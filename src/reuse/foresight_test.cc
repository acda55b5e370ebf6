#include "reuse/foresight.h"

#include <gtest/gtest.h>

namespace baton::reuse {
namespace {

using namespace std::chrono_literals;

constexpr cache::Key kKey{.low = 5, .high = 7};
constexpr auto kTime = 100s;

// A reply that is used each `gap`, and asked for anew when that is advised or its time is over.
struct Play {
  Foresight foresight{0.05};
  Instant since = Instant{} + 1h;
  int asked = 0, missed = 0, no_money = 0;
  uint32_t useful = 0, wasted = 0;

  Foresight::Advice use(Instant now, int64_t cost, cache::Key key = kKey) {
    const auto advice = foresight.used(key, {.now = now, .since = since, .fresh_until = since + kTime, .cost = cost});
    useful += advice.useful;
    wasted += advice.wasted;
    no_money += advice.no_money ? 1 : 0;
    return advice;
  }
  void run(int uses, Duration gap, int64_t cost = 1000) {
    Instant now = since;
    for (int i = 0; i < uses; ++i) {
      if (now >= since + kTime) {
        ++missed;
        since = now;
      }
      if (use(now, cost).ask) {
        ++asked;
        since = now;
      }
      now = now + gap;
    }
  }
};

TEST(ForesightTest, what_is_used_steadily_is_asked_for_at_its_last_use_in_its_time) {
  Play play;
  play.foresight.spent(10'000'000'000);
  play.run(2000, 5s);
  EXPECT_EQ(play.missed, 0);
  EXPECT_GE(play.asked, 99);
  EXPECT_LE(play.asked, 110) << "at most a tenth more than one for each time";
  EXPECT_GE(play.useful, 98u);
  EXPECT_EQ(play.wasted, 0u);
  EXPECT_DOUBLE_EQ(play.foresight.share(), 0.05) << "it proved useful";
}

TEST(ForesightTest, what_is_used_seldom_or_once_is_not) {
  for (const Duration gap : {Duration(20s), Duration(60s), Duration(300s)}) {
    Play play;
    play.foresight.spent(10'000'000'000);
    play.run(200, gap);
    EXPECT_EQ(play.asked, 0);
    EXPECT_EQ(play.no_money, 0);
  }
}

TEST(ForesightTest, nothing_is_asked_without_money_or_price) {
  Play poor;
  poor.run(100, 5s);
  EXPECT_EQ(poor.asked, 0);
  EXPECT_GT(poor.no_money, 0);
  Play unpriced;
  unpriced.foresight.spent(10'000'000'000);
  unpriced.run(100, 5s, 0);
  EXPECT_EQ(unpriced.asked, 0);
  Foresight off(0);
  off.spent(1'000'000'000);
  EXPECT_FALSE(off.used(kKey, {.now = {}, .since = {}, .fresh_until = {}, .cost = 1}).ask);
}

TEST(ForesightTest, no_more_than_its_share_is_spent) {
  Play play;
  int64_t spent = 0;
  Instant now = play.since;
  for (int i = 0; i < 5000; ++i, now = now + 5s) {
    play.foresight.spent(100);
    spent += 100;
    if (now >= play.since + kTime) play.since = now;
    if (!play.use(now, 1000).ask) continue;
    ++play.asked;
    play.since = now;
  }
  EXPECT_GT(play.asked, 10);
  EXPECT_LE(play.asked * 1000, spent / 20);
}

TEST(ForesightTest, what_was_asked_for_in_vain_halves_the_share_and_no_more_are_ahead_than_are_remembered) {
  Play play;
  play.foresight.spent(20'000'000'000);
  const double before = play.foresight.share();
  for (uint64_t k = 1; k <= 8; ++k) {
    const cache::Key key{.low = k, .high = k};
    bool asked = false;
    for (int i = 0; i <= 20 && !asked; ++i) asked = play.use(play.since + 5s * i, 1, key).ask;
    EXPECT_TRUE(asked);
  }
  play.use(play.since + 1h, 1, {.low = 99, .high = 99});
  EXPECT_EQ(play.wasted, 8u);
  EXPECT_LE(play.foresight.share(), before / 15);
  EXPECT_GE(play.foresight.share(), 0.05 / 33);
  Play many;
  many.foresight.spent(20'000'000'000);
  int asked = 0;
  for (uint64_t k = 1; k <= kAheadMax + 10; ++k) {
    for (int i = 0; i <= 19; ++i) asked += many.use(many.since + 5s * i, 1, {.low = k, .high = 1}).ask ? 1 : 0;
  }
  EXPECT_EQ(asked, static_cast<int>(kAheadMax));
}

}  // namespace
}  // namespace baton::reuse
