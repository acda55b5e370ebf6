#include "accounts/allowance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "runtime/clock.h"

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000'000'000'000};

TEST(Meter, refills_continuously_up_to_its_limit_and_may_be_in_debt) {
  Meter meter;
  EXPECT_EQ(meter.wait_for(1e9, kStart), Duration(0));  // nothing is known
  meter.set_ceiling(60);
  EXPECT_EQ(meter.level(kStart), 60);
  meter.take(90, kStart);
  EXPECT_EQ(meter.level(kStart), -30);
  EXPECT_EQ(meter.wait_for(1, kStart), Duration(31s));
  EXPECT_EQ(meter.level(kStart + 10s), -20);
  EXPECT_EQ(meter.level(kStart + 10min), 60);
  EXPECT_EQ(meter.wait_for(1e9, kStart + 10min), Duration(0));  // more than the limit: when it is full
}

TEST(Meter, an_answer_moves_the_level_no_further_than_it_proves) {
  struct Row {
    const char* name;
    double own;  // taken before, of 100
    double remaining;
    double after;  // taken since the request was sent
    double unanswered;
    double want;
  };
  const Row rows[] = {
      {"what agrees changes nothing", 10, 90, 0, 0, 90},
      {"others spend too: less is left than thought", 10, 40, 0, 0, 40},
      {"less was used than reserved: more is left than thought", 60, 90, 0, 0, 90},
      {"what was sent since is not in it", 60, 90, 20, 0, 70},
      {"nor may be what had no answer yet", 60, 90, 0, 25, 65},
      {"and between the two the own count holds", 60, 90, 0, 60, 40},
  };
  for (const Row& row : rows) {
    Meter meter;
    meter.set_ceiling(0);
    meter.learn({.limit = 100, .remaining = 100}, {.sent = kStart}, kStart);
    meter.take(row.own, kStart);
    const Meter::Before before{.sent = kStart, .taken = meter.taken(), .unanswered = row.unanswered};
    meter.take(row.after, kStart);
    meter.learn({.limit = 100, .remaining = row.remaining}, before, kStart);
    EXPECT_DOUBLE_EQ(meter.level(kStart), row.want) << row.name;
  }
}

TEST(Meter, the_smaller_of_ceiling_and_stated_limit_holds) {
  Meter ours;
  ours.set_ceiling(50);
  ours.learn({.limit = 100, .remaining = 10}, {.sent = kStart}, kStart);
  EXPECT_EQ(ours.limit(), 50);
  EXPECT_EQ(ours.level(kStart), 50);
  Meter theirs;
  theirs.set_ceiling(200);
  theirs.learn({.limit = 100, .remaining = 10}, {.sent = kStart}, kStart);
  EXPECT_EQ(theirs.limit(), 100);
  EXPECT_EQ(theirs.level(kStart), 10);
}

TEST(Allowance, what_a_call_needs_of_each_meter_decides_when_it_may_go) {
  Allowance allowance;
  EXPECT_TRUE(allowance.idle(kStart));
  EXPECT_LE(allowance.ready_at({1e9, 1e9}, kStart), kStart);
  allowance.set_ceilings(60, 6000, 600);
  EXPECT_FALSE(allowance.idle(kStart));
  auto first = allowance.reserve({.input_tokens = 5900, .output_tokens = 100}, kStart);
  EXPECT_LE(allowance.ready_at({.input_tokens = 100, .output_tokens = 500}, kStart), kStart);
  EXPECT_EQ(allowance.ready_at({.input_tokens = 200, .output_tokens = 0}, kStart), kStart + 1s);
  EXPECT_EQ(allowance.ready_at({.input_tokens = 0, .output_tokens = 520}, kStart), kStart + 2s);
  // Most of it was read from the cache.
  allowance.settle(first, {.input_tokens = 100, .output_tokens = 100}, kStart);
  EXPECT_LE(allowance.ready_at({.input_tokens = 5900}, kStart), kStart);
  allowance.settle(first, {.input_tokens = 1e6}, kStart);  // once only
  EXPECT_LE(allowance.ready_at({.input_tokens = 5900}, kStart), kStart);
}

TEST(Allowance, a_refusal_gives_back_and_benches) {
  Allowance allowance;
  StatedLimits stated;
  stated.meters[0] = {.limit = 60, .remaining = 0};
  auto held = allowance.reserve({}, kStart);
  allowance.refused(held, stated, kStart);
  allowance.bench(kStart + 5s);
  EXPECT_EQ(allowance.ready_at({}, kStart), kStart + 5s);
  EXPECT_LE(allowance.ready_at({}, kStart + 5s), kStart + 5s);
  EXPECT_NEAR(allowance.meter(0).level(kStart + 5s), 5, 1e-9);
}

TEST(Allowance, behind_a_bench_without_meters_calls_come_one_by_one_at_first) {
  Allowance allowance;
  allowance.bench(kStart + 5s);
  Instant now = kStart + 5s;
  EXPECT_FALSE(allowance.idle(now));
  auto one = allowance.reserve({}, now);
  EXPECT_EQ(allowance.ready_at({}, now), now + 1s);  // no answer: another one after a second
  allowance.answered(one, {}, now);
  auto two = allowance.reserve({}, now);
  EXPECT_LE(allowance.ready_at({}, now), now);
  auto three = allowance.reserve({}, now);
  EXPECT_GT(allowance.ready_at({}, now), now);
  allowance.answered(two, {}, now);
  allowance.answered(three, {}, now);
  for (int i = 0; i < 8; ++i) {
    auto next = allowance.reserve({}, now);
    allowance.answered(next, {}, now);
  }
  EXPECT_TRUE(allowance.idle(now));
}

// The twin: a vendor's bucket that is asked for real. Whatever comes, the meter lets no more through than it, and
// hardly less.
TEST(Allowance, against_a_vendors_bucket_nothing_is_refused_and_nothing_is_left_unused) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    runtime::Random random(seed);
    Meter vendor;
    vendor.set_ceiling(600);
    Allowance ours;
    size_t sent = 0, refused = 0;
    Instant now = kStart;
    struct Flying {
      Reservation held;
      StatedLimits stated;
      Instant back;
    };
    std::vector<Flying> flying;
    for (; now < kStart + 3min; now = now + Duration(10ms)) {
      for (size_t i = 0; i < flying.size();) {
        if (flying[i].back > now) {
          ++i;
          continue;
        }
        ours.answered(flying[i].held, flying[i].stated, now);
        flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(i));
      }
      // Before anything is known one call asks; then as many as fit.
      while (!ours.metered() ? flying.empty() : ours.ready_at({}, now) <= now) {
        Flying one{.held = ours.reserve({}, now),
                   .stated = {},
                   .back = now + Duration(static_cast<int64_t>(random.below(3'000'000'000)))};
        ++sent;
        if (vendor.level(now) < 1) {
          ++refused;
        } else {
          vendor.take(1, now);
        }
        one.stated.meters[0] = {.limit = 600, .remaining = std::max(0.0, std::floor(vendor.level(now)))};
        flying.push_back(one);
      }
    }
    EXPECT_EQ(refused, 0u) << seed;
    EXPECT_GE(sent, 600u + 3 * 600 - 60) << seed;
  }
}

}  // namespace
}  // namespace baton::accounts
