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
  play.foresight.spent(10'000'000'000, kKey);
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
    play.foresight.spent(10'000'000'000, kKey);
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
  unpriced.foresight.spent(10'000'000'000, kKey);
  unpriced.run(100, 5s, 0);
  EXPECT_EQ(unpriced.asked, 0);
  Foresight off(0);
  off.spent(1'000'000'000, kKey);
  EXPECT_FALSE(off.used(kKey, {.now = {}, .since = {}, .fresh_until = {}, .cost = 1}).ask);
}

TEST(ForesightTest, no_more_than_its_share_is_spent) {
  Play play;
  int64_t spent = 0;
  Instant now = play.since;
  for (int i = 0; i < 5000; ++i, now = now + 5s) {
    play.foresight.spent(100, kKey);
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
  play.foresight.spent(20'000'000'000, kKey);
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
  many.foresight.spent(20'000'000'000, kKey);
  int asked = 0;
  for (uint64_t k = 1; k <= kAheadMax + 10; ++k) {
    for (int i = 0; i <= 19; ++i) asked += many.use(many.since + 5s * i, 1, {.low = k, .high = 1}).ask ? 1 : 0;
  }
  EXPECT_EQ(asked, static_cast<int>(kAheadMax));
}

// Asked at these times; how often a plan was made, followed, and found the reply there.
struct Rounds {
  Foresight foresight{0.05};
  Instant now = Instant{} + 1h;
  int planned = 0, asked = 0, hits = 0;
  Instant fresh_until{};

  std::optional<Foresight::Plan> ask(cache::Key key = kKey) {
    hits += now < fresh_until ? 1 : 0;
    auto plan = foresight.asked(key, now, kTime);
    if (now >= fresh_until) {
      foresight.spent(1000, key);
      fresh_until = now + kTime;
    }
    planned += plan ? 1 : 0;
    return plan;
  }
  Foresight::Advice follow(const Foresight::Plan& plan) {
    const auto advice = foresight.due(plan, plan.at);
    if (advice.ask) {
      ++asked;
      fresh_until = plan.at + kTime;
    }
    return advice;
  }
};

TEST(ForesightTest, what_is_asked_each_hour_or_day_is_there_when_it_is_asked_for) {
  for (const Duration gap : {Duration(10min), Duration(1h), Duration(24h)}) {
    Rounds rounds;
    rounds.foresight.spent(10'000'000'000, kKey);
    Duration lead{0};
    for (int i = 0; i < 100; ++i) {
      const auto plan = rounds.ask();
      rounds.now = rounds.now + gap + 1s * (i % 2);
      if (!plan) continue;
      lead = rounds.now - plan->at;
      EXPECT_GE(lead, 4s);
      EXPECT_LE(lead, 10s);
      rounds.follow(*plan);
    }
    EXPECT_EQ(rounds.planned, 97) << "after three gaps";
    EXPECT_EQ(rounds.asked, 97);
    EXPECT_GE(rounds.hits, 96);
  }
}

TEST(ForesightTest, what_comes_back_in_its_time_or_after_days_or_at_random_is_not_planned) {
  for (const Duration gap : {Duration(50s), Duration(48h)}) {
    Rounds rounds;
    rounds.foresight.spent(10'000'000'000, kKey);
    for (int i = 0; i < 30; ++i) {
      rounds.ask();
      rounds.now = rounds.now + gap;
    }
    EXPECT_EQ(rounds.planned, 0);
  }
  Rounds random;
  random.foresight.spent(10'000'000'000, kKey);
  for (int i = 0; i < 60; ++i) {
    random.ask();
    random.now = random.now + 10min + 1min * (i * i * 7 % 31);
  }
  EXPECT_LE(random.planned, 2);
}

TEST(ForesightTest, a_plan_is_void_once_it_was_asked_and_without_money) {
  Rounds rounds;
  rounds.foresight.spent(10'000'000'000, kKey);
  std::optional<Foresight::Plan> plan;
  for (int i = 0; i < 6; ++i, rounds.now = rounds.now + 1h) plan = rounds.ask();
  ASSERT_TRUE(plan);
  rounds.now = plan->at - 1min;
  rounds.ask();
  EXPECT_FALSE(rounds.follow(*plan).ask);
  Rounds poor;
  for (int i = 0; i < 6; ++i, poor.now = poor.now + 1h) plan = poor.ask();
  ASSERT_TRUE(plan);
  EXPECT_TRUE(poor.follow(*plan).no_money);
}

TEST(ForesightTest, a_round_that_nobody_came_for_is_wasted_and_one_that_was_used_is_useful) {
  Rounds rounds;
  rounds.foresight.spent(10'000'000'000, kKey);
  uint32_t useful = 0, wasted = 0;
  const auto hear = [&](const Foresight::Advice& advice) {
    useful += advice.useful;
    wasted += advice.wasted;
  };
  for (int i = 0; i < 6; ++i) {
    const auto plan = rounds.ask();
    rounds.now = rounds.now + 1h;
    if (plan) hear(rounds.follow(*plan));
  }
  const double before = rounds.foresight.share();
  rounds.now = rounds.now + 3h;  // nobody came for the last
  hear(rounds.foresight.used({.low = 1, .high = 1},
                             {.now = rounds.now, .since = rounds.now, .fresh_until = rounds.now + kTime, .cost = 1}));
  EXPECT_EQ(useful, 2u);
  EXPECT_EQ(wasted, 1u);
  EXPECT_LT(rounds.foresight.share(), before);
}

TEST(ForesightTest, questions_that_are_asked_once_do_not_drive_out_one_that_comes_round) {
  Rounds rounds;
  rounds.foresight.spent(10'000'000'000, kKey);
  uint64_t other = 0;
  for (int i = 0; i < 20; ++i) {
    rounds.ask();
    if (i > 8) {  // by then it stays for a while
      for (int k = 0; k < 2; ++k)
        rounds.foresight.asked({.low = kKey.low + kRhythmsMax * ++other, .high = 1}, rounds.now, kTime);
    }
    rounds.now = rounds.now + 1h;
  }
  EXPECT_GE(rounds.planned, 10);
}

}  // namespace
}  // namespace baton::reuse
