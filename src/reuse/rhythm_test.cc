#include "reuse/rhythm.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace baton::reuse {
namespace {

using namespace std::chrono_literals;

struct Played {
  Rhythm rhythm;
  Instant now{};
  explicit Played(std::initializer_list<Duration> gaps, int rounds = 1) {
    rhythm.used(now);
    for (int round = 0; round < rounds; ++round) {
      for (const Duration gap : gaps) rhythm.used(now = now + gap);
    }
  }
};

TEST(RhythmTest, three_equal_gaps_are_a_rhythm_and_two_are_none) {
  EXPECT_FALSE(Played({1h, 1h}).rhythm.next());
  const Played hourly({1h, 1h, 1h});
  const auto next = hourly.rhythm.next();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->at, hourly.now + 1h);
  EXPECT_EQ(next->off, 0s);
}

TEST(RhythmTest, what_is_a_little_off_is_a_rhythm_and_says_how_far_off) {
  const Played daily({24h, 24h + 90s, 24h - 60s});
  const auto next = daily.rhythm.next();
  ASSERT_TRUE(next);
  EXPECT_NEAR(seconds(next->at - daily.now), 24 * 3600, 120);
  EXPECT_NEAR(seconds(next->off), 150, 1);
  EXPECT_FALSE(Played({1h, 50min, 70min, 55min, 65min}).rhythm.next());
}

TEST(RhythmTest, patterns_of_several_gaps_are_found) {
  struct Case {
    const char* name;
    std::initializer_list<Duration> gaps;
    int rounds;
    bool found;
  };
  const Case cases[] = {{"at nine and at five", {8h, 16h}, 3, true},
                        {"the same, not often enough", {8h, 16h}, 2, false},
                        {"three calls each hour", {20s, 20s, 3560s}, 3, true},
                        {"four a day", {1h, 2h, 3h, 18h}, 3, true},
                        {"five a day", {1h, 2h, 3h, 4h, 14h}, 3, false}};
  for (const Case& one : cases) {
    const Played played(one.gaps, one.rounds);
    const auto next = played.rhythm.next();
    ASSERT_EQ(next.has_value(), one.found) << one.name;
    if (next) EXPECT_NEAR(seconds(next->at - played.now), seconds(*one.gaps.begin()), 0.1) << one.name;
  }
}

TEST(RhythmTest, what_changes_its_rhythm_is_followed) {
  Played played({1h}, 16);
  for (int i = 0; i < 5; ++i) played.rhythm.used(played.now = played.now + 2h);
  const auto next = played.rhythm.next();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->at, played.now + 2h);
}

}  // namespace
}  // namespace baton::reuse
