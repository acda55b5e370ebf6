#include "similar/evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace baton::similar {
namespace {

using namespace std::chrono_literals;

constexpr auto kLevel = Likeness::kContent;

void learn(Evidence& evidence, int right, int wrong, double error_max) {
  for (int i = 0; i < right; ++i) evidence.learn(kLevel, true, false, error_max, {}, 1h);
  for (int i = 0; i < wrong; ++i) evidence.learn(kLevel, false, false, error_max, {}, 1h);
}

TEST(EvidenceTest, so_many_right_answers_prove_so_small_an_error) {
  struct Row {
    double error_max;
    int right, wrong;
    bool want;
  };
  const Row kTable[] = {
      {0.01, 458, 0, false}, {0.01, 459, 0, true}, {0.02, 228, 0, false}, {0.02, 229, 0, true},
      {0.05, 89, 0, false},  {0.05, 90, 0, true},  {0.01, 459, 1, false}, {0.01, 2000, 2, true},
      {0.2, 20, 0, false},   {0.2, 21, 0, true},   {0.01, 0, 0, false},   {0.01, 1000, 50, false},
  };
  for (const Row& row : kTable) {
    Evidence evidence;
    learn(evidence, row.right, row.wrong, row.error_max);
    EXPECT_EQ(evidence.proved(kLevel, row.error_max), row.want)
        << row.error_max << " " << row.right << " " << row.wrong;
    EXPECT_FALSE(evidence.proved(Likeness::kTurned, row.error_max)) << "each level by itself";
  }
}

// The promise: whoever looks after every answer is deceived at most so often. Here the error is just what is not
// allowed.
TEST(EvidenceTest, looking_at_any_time_deceives_in_at_most_one_of_twenty) {
  std::mt19937_64 random(1);
  for (const double error_max : {0.02, 0.1}) {
    std::bernoulli_distribution wrong(error_max);
    int deceived = 0;
    constexpr int kRuns = 1000;
    for (int run = 0; run < kRuns; ++run) {
      uint64_t seen = 0, bad = 0;
      for (int i = 0; i < 1000; ++i) {
        ++seen;
        bad += wrong(random) ? 1 : 0;
        if (refutation(seen, bad, error_max) < std::log(1 / 0.05)) continue;
        ++deceived;
        break;
      }
    }
    EXPECT_LE(deceived, kRuns / 20 + 21) << error_max;  // and three standard deviations of this count
    EXPECT_GT(deceived, 0) << "a test that never says yes proves nothing";
  }
}

TEST(EvidenceTest, the_bound_lies_above_what_was_seen_and_shrinks) {
  EXPECT_GT(error_bound(0, 0), 0.99);
  double before = 1;
  for (uint64_t seen : {10u, 100u, 1000u, 10000u}) {
    const double bound = error_bound(seen, 0);
    EXPECT_LT(bound, before);
    EXPECT_GT(bound, 2.0 / static_cast<double>(seen));
    before = bound;
  }
  EXPECT_GT(error_bound(1000, 50), 0.05);
  EXPECT_LT(error_bound(1000, 50), 0.12);
}

TEST(EvidenceTest, a_run_of_wrong_ones_trips_the_breaker_and_a_rare_one_does_not) {
  Evidence evidence;
  for (int i = 0; i < 400; ++i) evidence.learn(kLevel, true, false, 0.02, {}, 1h);
  ASSERT_TRUE(evidence.proved(kLevel, 0.02));
  for (int i = 1; i <= 2000; ++i)
    ASSERT_FALSE(evidence.learn(kLevel, i % 100 != 0, true, 0.02, {}, 1h)) << "1 % is allowed: " << i;
  const Instant now = Instant{} + 1h;
  int needed = 0;
  while (needed < 10 && !evidence.learn(kLevel, false, true, 0.02, now, 1h)) ++needed;
  EXPECT_LE(needed, 2);
  EXPECT_TRUE(evidence.tripped(now));
  EXPECT_FALSE(evidence.tripped(now + 1h));
  EXPECT_FALSE(evidence.proved(kLevel, 0.02)) << "it begins anew";
  EXPECT_EQ(evidence.seen(kLevel), 0u);
}

}  // namespace
}  // namespace baton::similar
