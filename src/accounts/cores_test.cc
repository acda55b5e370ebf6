// The small parts of the pool: back-off, retry budget, health, affinity, fair order, forecast, classes.
#include <gtest/gtest.h>

#include <map>

#include "accounts/affinity.h"
#include "accounts/backoff.h"
#include "accounts/forecast.h"
#include "accounts/health.h"
#include "accounts/limit_class.h"
#include "accounts/retry_budget.h"
#include "base/fair_order.h"

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000'000'000'000};

TEST(Backoff, each_pause_is_a_share_of_a_bound_that_doubles) {
  const BackoffConfig config;
  runtime::Random random(7);
  const Duration bounds[] = {500ms, 1s, 2s, 4s, 5s, 5s};
  for (uint32_t repetition = 0; repetition < 6; ++repetition) {
    Duration least = 1h, most{0};
    for (int i = 0; i < 2000; ++i) {
      const Duration pause = backoff(config, repetition, random);
      least = std::min(least, pause);
      most = std::max(most, pause);
    }
    EXPECT_GE(least, Duration(100ms));
    EXPECT_LT(least, Duration(150ms));
    EXPECT_LE(most, bounds[repetition]);
    EXPECT_GT(most, bounds[repetition] * 95 / 100);
  }
  EXPECT_LE(backoff(config, 4'000'000'000u, random), Duration(5s));
}

TEST(RetryBudget, a_fifth_of_the_calls_under_way_and_always_three) {
  for (int calls : {0, 1, 15, 16, 20, 100, 1000}) {
    RetryBudget budget({});
    std::vector<RetryBudget::Hold> under_way, repeated;
    for (int i = 0; i < calls; ++i) under_way.push_back(budget.call());
    while (true) {
      auto hold = budget.repetition();
      if (!hold) break;
      repeated.push_back(std::move(hold));
    }
    EXPECT_EQ(repeated.size(), static_cast<size_t>(std::max(3, calls / 5))) << calls;
    repeated.pop_back();
    EXPECT_TRUE(budget.repetition());
    under_way.clear();
    repeated.clear();
    EXPECT_EQ(budget.calls(), 0);
    EXPECT_EQ(budget.repetitions(), 0);
  }
}

TEST(Health, failures_in_a_row_eject_and_each_time_longer) {
  const HealthConfig config;
  Health health;
  Instant now = kStart;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(health.failed(config));
  health.succeeded(config, now);  // ends the row
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(health.failed(config));
  EXPECT_TRUE(health.failed(config));
  for (int ejection = 1; ejection <= 12; ++ejection) {
    health.eject(config, now);
    const Duration period = std::min<Duration>(30s * ejection, 300s);
    EXPECT_TRUE(health.ejected(now + period - 1ns));
    EXPECT_FALSE(health.ejected(now + period));
    now = now + period;
    EXPECT_TRUE(health.begin_probe(now));
    EXPECT_FALSE(health.begin_probe(now));  // one at a time
    EXPECT_TRUE(health.failed(config));     // one failure is enough
  }
  health.eject(config, now);
  now = health.until();
  EXPECT_TRUE(health.begin_probe(now));
  health.probe_left();
  EXPECT_TRUE(health.begin_probe(now));
  health.succeeded(config, now);
  EXPECT_FALSE(health.open());
  health.succeeded(config, now + 301s);  // long well: forgotten
  EXPECT_EQ(health.ejections(), 0u);
}

TEST(Affinity, newcomers_spread_by_weight_and_only_those_of_a_lost_place_move) {
  const std::pair<std::string, uint32_t> places[] = {{"a", 1}, {"b", 1}, {"c", 2}, {"d", 4}};
  auto best = [&](uint64_t key, size_t without) {
    size_t chosen = 0;
    double most = -1;
    for (size_t i = 0; i < 4; ++i) {
      if (i == without) continue;
      const double score = rendezvous(key, places[i].first, places[i].second);
      if (score > most) most = score, chosen = i;
    }
    return chosen;
  };
  std::map<size_t, int> count;
  runtime::Random random(3);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t key = random.next();
    const size_t home = best(key, 99);
    ++count[home];
    for (size_t gone = 0; gone < 4; ++gone) {
      if (gone != home) EXPECT_EQ(best(key, gone), home);
    }
  }
  // Chi-square against 1:1:2:4 with three degrees of freedom, p > 0.001.
  const double expected[] = {1250, 1250, 2500, 5000};
  double chi = 0;
  for (size_t i = 0; i < 4; ++i) chi += (count[i] - expected[i]) * (count[i] - expected[i]) / expected[i];
  EXPECT_LT(chi, 16.3);
}

TEST(Affinity, load_is_bounded_by_the_share) {
  EXPECT_EQ(bounded_load(0, 0.25, 0.25), 4);
  EXPECT_EQ(bounded_load(99, 0.25, 0.25), 32);
  EXPECT_EQ(bounded_load(99, 1, 0), 100);
}

TEST(Affinity, bindings_live_as_long_as_they_are_used_and_are_bounded) {
  Bindings bindings(10min);
  EXPECT_FALSE(bindings.find(1, kStart));
  bindings.bind(1, 3, kStart);
  EXPECT_EQ(bindings.find(1, kStart + 10min), 3u);
  EXPECT_FALSE(bindings.find(1, kStart + 10min + 1ns));
  EXPECT_EQ(bindings.size(), 0u);
  runtime::Random random(5);
  for (size_t i = 0; i < 3 * kBindingsMax; ++i) bindings.bind(random.next(), 0, kStart);
  EXPECT_LE(bindings.size(), kBindingsMax);
  EXPECT_GT(bindings.size(), kBindingsMax * 9 / 10);
}

TEST(FairOrder, a_tenant_with_many_calls_is_behind_itself) {
  FairOrder order;
  std::map<FairOrder::Place, std::string> queue;
  auto enter = [&](const std::string& who, double cost) { queue.emplace(order.enter(who, cost), who); };
  for (int i = 0; i < 100; ++i) enter("greedy", 1000);
  for (int i = 0; i < 10; ++i) enter("modest", 1000);
  for (int i = 0; i < 10; ++i) enter("small", 100);
  EXPECT_EQ(order.tenants_waiting(), 3u);
  EXPECT_EQ(order.longest(), "greedy");
  std::map<std::string, int> served;
  for (int i = 0; i < 29; ++i) {
    ++served[queue.begin()->second];
    order.served(queue.begin()->second, queue.begin()->first);
    queue.erase(queue.begin());
  }
  EXPECT_EQ(served["small"], 10);
  EXPECT_GE(served["modest"], 9);
  EXPECT_LE(served["greedy"], 10);
  // Idle time earns nothing: who comes late begins at the present.
  enter("late", 1000);
  EXPECT_EQ(order.waiting("late"), 1u);
  int before = 0;
  for (const auto& [place, who] : queue) {
    if (who == "late") break;
    ++before;
  }
  EXPECT_LE(before, 3);
}

TEST(Forecast, learns_what_a_tenants_calls_use_and_never_believes_max_tokens) {
  Forecast forecast;
  const Need first = forecast.expect("t", LimitClass::kSonnet, 40'000, 128'000);
  EXPECT_EQ(first.input_tokens, 10'000);
  EXPECT_EQ(first.output_tokens, 256);
  EXPECT_EQ(forecast.expect("t", LimitClass::kSonnet, 400, 16).output_tokens, 16);
  for (int i = 0; i < 50; ++i)
    forecast.learn("t", LimitClass::kSonnet, 40'000, {.input_tokens = 1'000, .output_tokens = 900});
  const Need later = forecast.expect("t", LimitClass::kSonnet, 80'000, 128'000);
  EXPECT_NEAR(later.input_tokens, 2'000, 20);
  EXPECT_NEAR(later.output_tokens, 900, 9);
  EXPECT_EQ(forecast.expect("t", LimitClass::kOpus, 40'000, 128'000).input_tokens, 10'000);
  forecast.first_byte(LimitClass::kSonnet, 1s);
  EXPECT_EQ(forecast.first_byte(LimitClass::kOpus), Duration(0));
  EXPECT_GT(forecast.first_byte(LimitClass::kSonnet), Duration(0));
}

TEST(LimitClasses, models_by_family_and_other_operations_apart) {
  using model::Operation;
  EXPECT_EQ(limit_class(Operation::kMessages, "claude-opus-5-5"), LimitClass::kOpus);
  EXPECT_EQ(limit_class(Operation::kMessages, "claude-3-5-haiku-20241022"), LimitClass::kHaiku);
  EXPECT_EQ(limit_class(Operation::kMessages, "anything"), LimitClass::kOtherModel);
  EXPECT_EQ(limit_class(Operation::kCountTokens, "claude-opus-5-5"), LimitClass::kCountTokens);
  EXPECT_EQ(limit_class(Operation::kBatchCreate, ""), LimitClass::kOtherOperation);
}

}  // namespace
}  // namespace baton::accounts
