#include "ledger/budgets.h"

#include <gtest/gtest.h>

#include <utility>

#include "runtime/wait.h"

namespace baton::ledger {
namespace {

using namespace std::chrono_literals;
using model::Budget;
using model::Reserve;
using runtime::Task;

constexpr int64_t kCent = 10'000'000;  // nanodollars

WallTime at(std::chrono::year_month_day day, Duration time = 0s) {
  return WallTime(std::chrono::sys_days(day)) + std::chrono::duration_cast<std::chrono::milliseconds>(time);
}

// -- Spans and purses --

TEST(Span, DaysAndMonthsAreTheCalendarsInUtc) {
  using namespace std::chrono;
  EXPECT_EQ(span_number(Span::kDay, at(1970y / 1 / 1)), 0);
  EXPECT_EQ(span_number(Span::kMonth, at(1970y / 12 / 31, 23h)), 11);
  for (const auto day : {2026y / 11 / 24, 2024y / 2 / 29, 2026y / 12 / 31, 2027y / 1 / 1}) {
    for (const Span span : kSpans) {
      const int64_t number = span_number(span, at(day, 23h + 59min));
      EXPECT_LE(span_begin(span, number), at(day));
      EXPECT_GT(span_begin(span, number + 1), at(day, 23h + 59min));
      EXPECT_EQ(span_number(span, span_begin(span, number)), number);
    }
  }
  EXPECT_EQ(span_begin(Span::kMonth, span_number(Span::kMonth, at(2026y / 12 / 5)) + 1), at(2027y / 1 / 1));
}

TEST(Purse, WhatIsReservedBeforeMidnightIsNoPartOfTheNextDay) {
  using namespace std::chrono;
  Purse purse("key a");
  purse.limit({.day_nanodollars = 100, .month_nanodollars = 150, .reserve = Reserve::kStrict});
  purse.roll(at(2026y / 11 / 30, 23h));
  const Purse::Taken before = purse.take(80);
  EXPECT_EQ(purse.ask({30, 30}, 30).answer, Purse::Answer::kLater);
  purse.roll(at(2026y / 12 / 1));
  EXPECT_EQ(purse.ask({100, 100}, 100).answer, Purse::Answer::kFits);
  purse.settle(before, 70);
  for (const Span span : kSpans) {
    EXPECT_EQ(purse.spent(span), 0);
    EXPECT_EQ(purse.reserved(span), 0);
  }
  // The day begins anew, the month does not.
  purse.settle(purse.take(90), 90);
  purse.roll(at(2026y / 12 / 2));
  EXPECT_EQ(purse.spent(Span::kDay), 0);
  EXPECT_EQ(purse.spent(Span::kMonth), 90);
  const Purse::Verdict verdict = purse.ask({61, 61}, 61);
  EXPECT_EQ(verdict.answer, Purse::Answer::kTooDear);
  EXPECT_EQ(verdict.span, Span::kMonth);
  EXPECT_EQ(purse.resets_at(Span::kMonth), at(2027y / 1 / 1));
}

TEST(Purse, AClockThatStepsBackALittleGivesNothingBack) {
  using namespace std::chrono;
  Purse purse("key a");
  purse.limit({.day_nanodollars = 100});
  purse.roll(at(2026y / 11 / 24));
  purse.settle(purse.take(60), 60);
  purse.roll(at(2026y / 11 / 23, 23h + 30min));
  EXPECT_EQ(purse.spent(Span::kDay), 60);
  purse.roll(at(2026y / 11 / 24, 1h));
  EXPECT_EQ(purse.spent(Span::kDay), 60);
  purse.roll(at(2026y / 11 / 20));
  EXPECT_EQ(purse.spent(Span::kDay), 0);
}

TEST(CostSketch, ReadsTheNinetyNinthOfAHundredAndForgets) {
  CostSketch sketch;
  for (uint32_t i = 0; i + 1 < CostSketch::kCallsMin; ++i) sketch.add(kCent);
  EXPECT_FALSE(sketch.p99());
  for (int i = 0; i < 200; ++i) sketch.add(i % 100 == 0 ? 100 * kCent : kCent);
  ASSERT_TRUE(sketch.p99());
  EXPECT_GE(*sketch.p99(), kCent);
  EXPECT_LE(*sketch.p99(), kCent * 12 / 10);
  for (int i = 0; i < 10'000; ++i) sketch.add(5 * kCent);
  EXPECT_GE(*sketch.p99(), 5 * kCent);
  EXPECT_LE(*sketch.p99(), 5 * kCent * 12 / 10);
  for (int64_t cost :
       {int64_t{1}, int64_t{1'000}, int64_t{1'001}, int64_t{123'456'789}, int64_t{9'000'000'000'000'000}}) {
    CostSketch one;
    for (uint32_t i = 0; i < CostSketch::kCallsMin; ++i) one.add(cost);
    if (cost < 1'000'000'000'000'000) EXPECT_GE(*one.p99(), cost);
  }
}

// -- Budgets on a loop with virtual time --

class ClockPoller final : public runtime::Poller {
 public:
  explicit ClockPoller(runtime::VirtualClock& clock) : clock_(clock) {}
  void poll(Instant until) override {
    // Time stands still while something was posted.
    if (!std::exchange(posted_, false) && until != runtime::kNever && until > clock_.now()) clock_.set(until);
  }
  void interrupt() override { posted_ = true; }

 private:
  bool posted_ = false;
  runtime::VirtualClock& clock_;
};

struct Rig {
  explicit Rig(BudgetRules rules = {}) : budgets(std::move(rules), std::make_shared<PriceTable>()) {}
  runtime::VirtualClock clock;
  ClockPoller poller{clock};
  runtime::Loop loop{clock, poller};
  Budgets budgets;
  runtime::TaskGroup tasks;
  void run() {
    loop.run_until([this] { return tasks.size() == 0; });
  }
};

struct Play {
  Payer payer;
  CostBounds bounds;
  int64_t cost = 0;
  Duration start{0};
  Duration lasts{1s};
  Duration patience{1h};
  std::optional<Duration> cancel_after = {};
  // What came of it:
  std::optional<BudgetRefusal> refusal = {};
  int64_t reserved = 0;
  Instant begun{};
};

Task<void> cancel_later(Rig& rig, runtime::Cancellation& cancel, Duration after) {
  co_await runtime::sleep_until(rig.loop, rig.loop.now() + after);
  cancel.cancel(runtime::CancelReason::kClientGone);
}

Task<void> play(Rig& rig, Play& one) {
  if (one.start.count() > 0) co_await runtime::sleep_until(rig.loop, rig.loop.now() + one.start);
  runtime::Cancellation cancel;
  runtime::TaskGroup cancelling;
  if (one.cancel_after) cancelling.spawn(cancel_later(rig, cancel, *one.cancel_after));
  auto hold = co_await rig.budgets.reserve(rig.loop, cancel, one.payer, one.bounds, rig.loop.now() + one.patience);
  if (hold) {
    one.reserved = hold->reserved_nanodollars();
    one.begun = rig.loop.now();
    co_await runtime::sleep_until(rig.loop, rig.loop.now() + one.lasts);
    hold->settle(one.cost, rig.loop.wall());
  } else {
    one.refusal = hold.error();
  }
  while (cancelling.size() > 0) co_await runtime::sleep_until(rig.loop, rig.loop.now() + 1s);
}

void play_all(Rig& rig, std::vector<Play>& plays) {
  for (Play& one : plays) rig.tasks.spawn(play(rig, one));
  rig.run();
}

TEST(Budgets, NobodyWithoutABudgetIsLimited) {
  const Budget budget{.day_nanodollars = 1};
  Budgets none({}, std::make_shared<PriceTable>());
  EXPECT_FALSE(none.limits({.name = "a", .team = "web"}));
  EXPECT_TRUE(none.limits({.key_id = "k", .name = "a", .own = &budget}));
  Budgets rules({.teams = {{"web", budget}}, .clients = {{"c", budget}}, .contact = {}},
                std::make_shared<PriceTable>());
  EXPECT_TRUE(rules.limits({.name = "a", .team = "web"}));
  EXPECT_TRUE(rules.limits({.name = "c"}));
  EXPECT_FALSE(rules.limits({.key_id = "k", .name = "c"})) << "a key made at run time is no client of the file";
}

TEST(Budgets, ASpentBudgetIsNamedWithItsEndAndWhomToAsk) {
  const Budget budget{.day_nanodollars = 100 * kCent, .reserve = Reserve::kStrict};
  Rig rig({.teams = {}, .clients = {}, .contact = "ops@example.com"});
  const Payer payer{.key_id = "key_1", .name = "ci", .own = &budget};
  std::vector<Play> plays{{.payer = payer, .bounds = {90 * kCent, 90 * kCent}, .cost = 90 * kCent},
                          {.payer = payer, .bounds = {kCent, 20 * kCent}, .start = 2s},
                          {.payer = payer, .bounds = {10 * kCent, 10 * kCent}, .cost = 10 * kCent, .start = 3s},
                          {.payer = payer, .bounds = {kCent, kCent}, .start = 5s}};
  play_all(rig, plays);
  EXPECT_FALSE(plays[0].refusal);
  ASSERT_TRUE(plays[1].refusal);
  EXPECT_EQ(plays[1].refusal->reason, BudgetRefusal::Reason::kTooDear);
  EXPECT_NE(plays[1].refusal->sentence.find("may cost up to $0.20 and the key ci has only $0.10 left of its budget of "
                                            "$1.00 a day"),
            std::string::npos)
      << plays[1].refusal->sentence;
  EXPECT_FALSE(plays[2].refusal);
  ASSERT_TRUE(plays[3].refusal);
  EXPECT_EQ(plays[3].refusal->reason, BudgetRefusal::Reason::kSpent);
  const std::string& sentence = plays[3].refusal->sentence;
  EXPECT_TRUE(sentence.starts_with("The key ci has spent its budget of $1.00 a day; it resets at ")) << sentence;
  EXPECT_NE(sentence.find("T00:00:00Z. Ask ops@example.com for more."), std::string::npos) << sentence;
}

TEST(Budgets, WhatOthersHaveReservedIsWaitedForInFairOrder) {
  const Budget budget{.day_nanodollars = 100 * kCent, .reserve = Reserve::kStrict};
  Rig rig({.teams = {{"web", budget}}, .clients = {}, .contact = {}});
  const Payer ann{.key_id = "a", .name = "ann", .team = "web"};
  const Payer bob{.key_id = "b", .name = "bob", .team = "web"};
  const CostBounds bounds{60 * kCent, 60 * kCent};
  std::vector<Play> plays;
  for (int i = 0; i < 6; ++i) plays.push_back({.payer = ann, .bounds = bounds, .cost = 2 * kCent});
  plays.push_back({.payer = bob, .bounds = bounds, .cost = 2 * kCent, .start = 100ms});
  play_all(rig, plays);
  size_t before_bob = 0;
  for (const Play& one : plays) {
    EXPECT_FALSE(one.refusal) << one.refusal->sentence;
    before_bob += one.begun < plays.back().begun;
  }
  EXPECT_LE(before_bob, 2u);
  EXPECT_EQ(rig.budgets.standing("team:web", Span::kDay)->spent, 14 * kCent);
  EXPECT_EQ(rig.budgets.standing("team:web", Span::kDay)->reserved, 0);
}

TEST(Budgets, AWaitEndsAtItsTimeOrWithItsClient) {
  const Budget budget{.day_nanodollars = 100 * kCent, .reserve = Reserve::kStrict};
  Rig rig;
  const Payer payer{.key_id = "a", .name = "ann", .own = &budget};
  const CostBounds bounds{60 * kCent, 60 * kCent};
  std::vector<Play> plays{{.payer = payer, .bounds = bounds, .cost = kCent, .lasts = 1h},
                          {.payer = payer, .bounds = bounds, .start = 1s, .patience = 5s},
                          {.payer = payer, .bounds = bounds, .start = 1s, .patience = 1min, .cancel_after = 2s},
                          {.payer = payer, .bounds = {kCent, kCent}, .cost = kCent, .start = 2s, .lasts = 1s}};
  play_all(rig, plays);
  ASSERT_TRUE(plays[1].refusal);
  EXPECT_EQ(plays[1].refusal->reason, BudgetRefusal::Reason::kWaited);
  EXPECT_NE(plays[1].refusal->sentence.find("is reserved by calls under way"), std::string::npos);
  ASSERT_TRUE(plays[2].refusal);
  EXPECT_EQ(plays[2].refusal->reason, BudgetRefusal::Reason::kCancelled);
  // It does not overtake those before it, and comes when they have gone.
  EXPECT_FALSE(plays[3].refusal);
  EXPECT_EQ(rig.budgets.standing("key:a", Span::kDay)->spent, 2 * kCent);
  EXPECT_EQ(rig.budgets.standing("key:a", Span::kDay)->reserved, 0);
  EXPECT_EQ(rig.budgets.waiting(), 0u);
}

TEST(Budgets, TooManyWaitersAreRefused) {
  const Budget budget{.day_nanodollars = 100, .reserve = Reserve::kStrict};
  Rig rig;
  const Payer payer{.key_id = "a", .name = "ann", .own = &budget};
  std::vector<Play> plays(Budgets::kWaitersMax + 3, {.payer = payer, .bounds = {60, 60}, .patience = 10s});
  plays[0].lasts = 1min;
  play_all(rig, plays);
  size_t full = 0;
  for (const Play& one : plays) full += one.refusal && one.refusal->reason == BudgetRefusal::Reason::kQueueFull;
  EXPECT_EQ(full, 2u);
}

TEST(Budgets, SharesOfABudgetAreToldOnceEach) {
  const Budget budget{.day_nanodollars = 100, .month_nanodollars = 1000};
  Rig rig;
  const Payer payer{.key_id = "a", .name = "ann", .own = &budget};
  std::vector<Play> plays;
  for (int i = 0; i < 10; ++i) plays.push_back({.payer = payer, .bounds = {20, 20}, .cost = 10, .start = i * 2s});
  play_all(rig, plays);
  std::vector<int> percents;
  for (const BudgetWarning& warning : rig.budgets.take_warnings()) {
    EXPECT_EQ(warning.holder, "key ann");
    EXPECT_EQ(warning.span, Span::kDay);
    percents.push_back(warning.percent);
  }
  EXPECT_EQ(percents, (std::vector<int>{50, 80, 100}));
  EXPECT_TRUE(rig.budgets.take_warnings().empty());
}

TEST(Budgets, WhatWasSpentBeforeTheStartCounts) {
  const Budget budget{.day_nanodollars = 100};
  Rig rig;
  const Payer payer{.key_id = "a", .name = "ann", .own = &budget};
  rig.budgets.recover({.holder = "key:a", .day_nanodollars = 85, .month_nanodollars = 185}, rig.clock.wall());
  std::vector<Play> plays{{.payer = payer, .bounds = {20, 20}, .cost = 20}, {.payer = payer, .start = 5s}};
  play_all(rig, plays);
  EXPECT_FALSE(plays[0].refusal);
  EXPECT_TRUE(plays[1].refusal);
  const auto warnings = rig.budgets.take_warnings();
  ASSERT_EQ(warnings.size(), 1u) << "50 and 80 % were reached before";
  EXPECT_EQ(warnings[0].percent, 100);
  // Known better here from now on.
  rig.budgets.recover({.holder = "key:a", .day_nanodollars = 0, .month_nanodollars = 0}, rig.clock.wall());
  EXPECT_EQ(rig.budgets.standing("key:a", Span::kDay)->spent, 105);
}

TEST(Budgets, ATeamsBudgetIsChangedWhileCallsRun) {
  const auto budget = [](int64_t cents) {
    return Budget{.day_nanodollars = cents * kCent, .reserve = Reserve::kStrict};
  };
  Rig rig({.teams = {{"web", budget(10)}}, .clients = {}, .contact = {}});
  const Payer web{.key_id = "a", .name = "ann", .team = "web"};
  const Payer ops{.key_id = "b", .name = "bob", .team = "ops"};
  const auto refused = [&](const Payer& payer) {
    std::vector<Play> plays{{.payer = payer, .bounds = {8 * kCent, 8 * kCent}, .cost = 8 * kCent}};
    play_all(rig, plays);
    return plays[0].refusal.has_value();
  };
  EXPECT_FALSE(refused(web));
  EXPECT_TRUE(refused(web));
  EXPECT_FALSE(rig.budgets.limits(ops));
  rig.budgets.use_teams({{"web", budget(20)}, {"ops", budget(1)}});
  EXPECT_FALSE(refused(web)) << "8 of 20 cents are spent";
  EXPECT_TRUE(refused(web));
  EXPECT_TRUE(rig.budgets.limits(ops));
  EXPECT_TRUE(refused(ops));
  EXPECT_EQ(rig.budgets.limited_teams(), (std::vector<std::string>{"ops", "web"}));
  EXPECT_EQ(rig.budgets.team_budget("web"), budget(20));
  // A reload of the configuration changes nothing of it; taking it away does.
  rig.budgets.use(BudgetRules{.teams = {{"web", budget(100)}}, .clients = {}, .contact = {}});
  EXPECT_TRUE(refused(web));
  rig.budgets.use_teams({});
  EXPECT_FALSE(refused(web));
  EXPECT_FALSE(rig.budgets.limits(ops));
  EXPECT_EQ(rig.budgets.standing("team:web", Span::kDay)->spent, 24 * kCent);
}

TEST(Budgets, WhatTheLedgerKnowsBesidesIsAddedLater) {
  const Budget budget{.day_nanodollars = 100};
  Rig rig({.teams = {{"web", budget}}, .clients = {}, .contact = {}});
  std::vector<Play> plays{{.payer = {.key_id = "a", .name = "ann", .team = "web"}, .bounds = {20, 20}, .cost = 20}};
  play_all(rig, plays);
  rig.budgets.recover({.holder = "team:web", .day_nanodollars = 90, .month_nanodollars = 90}, rig.clock.wall());
  EXPECT_EQ(rig.budgets.standing("team:web", Span::kDay)->spent, 90);
  rig.budgets.recover({.holder = "team:web", .day_nanodollars = 10, .month_nanodollars = 10}, rig.clock.wall());
  EXPECT_EQ(rig.budgets.standing("team:web", Span::kDay)->spent, 90);
}

// 200 calls beside each other at the edge of a budget, over many seeds.
struct Crowd {
  explicit Crowd(uint64_t seed, const Budget& key, const Budget& team) : random(seed), own(key) {
    rules.teams.emplace("web", team);
    for (int i = 0; i < 200; ++i) {
      Play one{.payer = {.key_id = "a", .name = "ann", .team = "web", .own = &own}};
      one.bounds.attempt = kCent + static_cast<int64_t>(random.below(10 * kCent));
      one.bounds.call = one.bounds.attempt * (1 + static_cast<int64_t>(random.below(3)));
      // Most cost little, a few all that they may, and some nothing.
      const double share = random.chance(0.02) ? 1.0 : random.chance(0.1) ? 0 : 0.02 + 0.08 * random.unit();
      one.cost = static_cast<int64_t>(static_cast<double>(one.bounds.attempt) * share);
      if (random.chance(0.01)) one.cost = one.bounds.call;
      one.start = std::chrono::milliseconds(random.below(200));
      one.lasts = std::chrono::milliseconds(1 + random.below(3'000));
      plays.push_back(one);
    }
  }
  int64_t total() const {
    int64_t sum = 0;
    for (const Play& one : plays) sum += one.cost;
    return sum;
  }
  runtime::Random random;
  Budget own;
  BudgetRules rules;
  std::vector<Play> plays;
};

TEST(Budgets, StrictIsNeverOverspentAndRefusesOnlyWhatDoesNotFit) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Crowd probe(seed, {}, {});
    const int64_t limit = std::max<int64_t>(probe.total() / 2, 30 * kCent);
    Crowd crowd(seed, {.day_nanodollars = limit, .reserve = Reserve::kStrict}, {.month_nanodollars = 2 * limit});
    Rig rig(crowd.rules);
    bool over = false;
    for (Play& one : crowd.plays) rig.tasks.spawn(play(rig, one));
    rig.loop.run_until([&] {
      const auto standing = rig.budgets.standing("key:a", Span::kDay);
      over = over || (standing && standing->spent + standing->reserved > limit);
      return rig.tasks.size() == 0;
    });
    EXPECT_FALSE(over);
    const int64_t spent = rig.budgets.standing("key:a", Span::kDay)->spent;
    EXPECT_LE(spent, limit);
    int64_t sum = 0;
    for (const Play& one : crowd.plays) {
      if (!one.refusal) sum += one.cost;
      if (one.refusal) {
        EXPECT_NE(one.refusal->reason, BudgetRefusal::Reason::kWaited);
        EXPECT_GT(spent + one.bounds.call, limit) << "refused though it fitted";
      }
    }
    EXPECT_EQ(sum, spent);
  }
}

TEST(Budgets, LearnedKeepsToItsStatedBoundAndRefusesOnlyWhenSpent) {
  int64_t served = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Crowd probe(seed, {}, {});
    const int64_t limit = probe.total() / 2;
    Crowd crowd(seed, {.day_nanodollars = limit}, {.day_nanodollars = limit * 2});
    Rig rig(crowd.rules);
    play_all(rig, crowd.plays);
    const int64_t spent = rig.budgets.standing("key:a", Span::kDay)->spent;
    int64_t beyond = 0;   // what calls cost more than they had reserved
    int64_t dearest = 0;  // the last of the money may go to one call alone
    for (const Play& one : crowd.plays) {
      if (one.refusal) {
        EXPECT_EQ(one.refusal->reason, BudgetRefusal::Reason::kSpent);
        EXPECT_GE(spent, limit) << "refused though something was left";
        continue;
      }
      ++served;
      beyond += std::max<int64_t>(one.cost - one.reserved, 0);
      dearest = std::max(dearest, one.cost);
    }
    EXPECT_LE(spent, limit + beyond + dearest);
    EXPECT_EQ(rig.budgets.standing("key:a", Span::kDay)->reserved, 0);
  }
  EXPECT_GT(served, 60 * 50);
}

}  // namespace
}  // namespace baton::ledger
