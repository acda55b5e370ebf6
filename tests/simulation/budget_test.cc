// Budgets through the whole relay: 200 calls beside each other at the edge of one, with an upstream that fails, against
// what the simulator counted.
#include <gtest/gtest.h>

#include "ledger/budgets.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using ledger::Span;
using model::Budget;
using model::Reserve;

constexpr std::string_view kKey = "bk-000102030405060708090a0b0c0d0e0f1011121314151617";
constexpr int64_t kMillidollar = 1'000'000;

class BudgetTest : public testing::Test {
 protected:
  void give(const Budget& budget, std::string_view team = "") {
    stored_.keys = {{.id = "key_1",
                     .name = "ci",
                     .team = std::string(team),
                     .tags = {},
                     .shown = {},
                     .rights = {.budget = budget},
                     .created = {},
                     .expires = {},
                     .revoked = {}}};
    stored_.secrets = {{.digest = auth::keyed_digest(stored_.secret, kKey), .key_id = "key_1", .until = {}}};
    ring_.replace(stored_);
  }
  static Script call(std::string body = World::body(true), std::string path = "/v1/messages") {
    return {
        .path = std::move(path),
        .fields =
            "host: relay.example\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: " +
            std::string(kKey) + "\r\n",
        .body = std::move(body),
        .default_fields = false};
  }
  WorldOptions options(uint64_t seed = 1) {
    WorldOptions out{.seed = seed, .keys = &ring_, .budgets = &budgets_};
    out.pool.queue.max_wait = 20min;
    return out;
  }
  // What the simulator's books cost, in nanodollars.
  static int64_t counted(World& world) {
    const sim::Account books = world.simulator().books();
    return *ledger::PriceTable().cost("claude-sonnet-5-5",
                                      {.known = true,
                                       .input_tokens = static_cast<int64_t>(books.input_tokens),
                                       .output_tokens = static_cast<int64_t>(books.output_tokens),
                                       .cache_creation_input_tokens = static_cast<int64_t>(books.cache_creation_tokens),
                                       .cache_read_input_tokens = static_cast<int64_t>(books.cache_read_tokens)},
                                      world.clock.wall());
  }
  int64_t spent() const { return budgets_.standing("key:key_1", Span::kDay)->spent; }
  int64_t reserved() const { return budgets_.standing("key:key_1", Span::kDay)->reserved; }

  auth::StoredKeys stored_;
  auth::KeyRing ring_;
  ledger::Budgets budgets_{{.teams = {}, .clients = {}, .contact = "ops@example.com"},
                           std::make_shared<ledger::PriceTable>()};
};

TEST_F(BudgetTest, StrictHoldsAgainstTheUpstreamsOwnBooks) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    ledger::Budgets budgets({}, std::make_shared<ledger::PriceTable>());
    const int64_t limit = 500 * kMillidollar;
    give({.day_nanodollars = limit, .reserve = Reserve::kStrict});
    WorldOptions with = options(seed);
    with.budgets = &budgets;
    with.accounts = 3;
    with.sim = {.seed = seed, .errors = {.overloaded = 0.05, .server_error = 0.05, .reset = 0.1, .stream_error = 0.1}};
    World world(with);
    runtime::Random random(seed);
    std::vector<Script> scripts;
    for (int i = 0; i < 200; ++i) {
      scripts.push_back(call(World::body(random.chance(0.7), std::string(random.below(3'000), 'x'))));
      scripts.back().start = std::chrono::milliseconds(random.below(2'000));
      if (random.chance(0.15)) scripts.back().leave_after = std::chrono::milliseconds(random.below(1'500));
    }
    size_t refused = 0;
    size_t served = 0;
    for (const Seen& seen : world.play(scripts)) {
      refused += seen.status == 402;
      served += seen.status == 200;
      EXPECT_NE(seen.status, 429) << seen.body;
    }
    world.check();
    const auto standing = *budgets.standing("key:key_1", Span::kDay);
    EXPECT_LE(standing.spent, limit);
    EXPECT_LE(counted(world), standing.spent) << "more was charged than the budget knows of";
    EXPECT_EQ(standing.reserved, 0);
    EXPECT_GT(served, 20u);
    EXPECT_GT(refused, 0u);
  }
}

TEST_F(BudgetTest, LearnedKeepsToOneCallAndRefusesNothingForNothing) {
  const int64_t limit = 60 * kMillidollar;
  give({.day_nanodollars = limit});
  World world(options());
  // It learns first, on a little of the budget.
  std::vector<Script> few(30, call());
  for (size_t i = 0; i < few.size(); ++i) few[i].start = i * 50ms;
  for (const Seen& seen : world.play(few)) EXPECT_EQ(seen.status, 200) << seen.body;
  EXPECT_EQ(spent(), counted(world));
  const int64_t each = spent() / 30;
  std::vector<Script> many(200, call());
  size_t refused = 0;
  for (const Seen& seen : world.play(many)) {
    refused += seen.status == 402;
    EXPECT_TRUE(seen.status == 200 || seen.status == 402) << seen.status << seen.body;
    if (seen.status == 402) {
      EXPECT_EQ(seen.field("x-should-retry"), "false");
      EXPECT_NE(seen.body.find("billing_error"), std::string::npos);
      EXPECT_NE(seen.body.find("The key ci has spent its budget of $0.06 a day; it resets at 20"), std::string::npos)
          << seen.body;
      EXPECT_NE(seen.body.find("Ask ops@example.com for more."), std::string::npos);
    }
  }
  world.check();
  EXPECT_EQ(spent(), counted(world));
  EXPECT_LE(spent(), limit + 2 * each);
  if (refused > 0) EXPECT_GE(spent(), limit);
  EXPECT_GT(refused, 20u);
  EXPECT_EQ(world.metric("baton_budget_refusals_total{why=\"spent\"}").value_or(0), static_cast<double>(refused));
}

TEST_F(BudgetTest, WhatCostsNothingIsServedFromASpentBudget) {
  give({.day_nanodollars = kMillidollar / 10});
  WorldOptions with = options();
  with.cache.emplace();
  World world(with);
  Script kept = call(World::body(false, "hello", ",\"temperature\":0"));
  kept.fields += "baton-cache: on\r\n";
  EXPECT_EQ(world.play(kept).status, 200);
  EXPECT_EQ(world.play(call()).status, 402);
  EXPECT_EQ(world.play(call(World::body(false), "/v1/messages/count_tokens")).status, 200);
  const Seen again = world.play(kept);
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(again.field("baton-cache"), "hit");
}

TEST_F(BudgetTest, WhatHasNoPriceIsRefused) {
  give({.day_nanodollars = 1'000 * kMillidollar});
  World world(options());
  std::string body = World::body(true);
  body.replace(body.find("claude-sonnet-5-5"), 17, "claude-of-tomorrow");
  const Seen model = world.play(call(body));
  EXPECT_EQ(model.status, 403);
  EXPECT_NE(model.body.find("claude-of-tomorrow has no known price"), std::string::npos) << model.body;
  const Seen batch = world.play(call("{\"requests\":[]}", "/v1/messages/batches"));
  EXPECT_EQ(batch.status, 403);
  EXPECT_NE(batch.body.find("not known in advance"), std::string::npos) << batch.body;
  EXPECT_EQ(world.simulator().books().requests, 0u);
  EXPECT_EQ(world.metric("baton_budget_refusals_total{why=\"unpriced\"}"), 2);
}

TEST_F(BudgetTest, TheNextDayBeginsWithTheWholeBudget) {
  give({.day_nanodollars = kMillidollar / 10});
  World world(options());
  EXPECT_EQ(world.play(call()).status, 200);
  EXPECT_EQ(world.play(call()).status, 402);
  Script tomorrow = call();
  tomorrow.start = 24h;
  EXPECT_EQ(world.play(tomorrow).status, 200);
}

TEST_F(BudgetTest, ACallThatIsCutCountsForWhatItHadReserved) {
  give({.day_nanodollars = 100 * kMillidollar, .reserve = Reserve::kStrict});
  World world(options());
  Script leaving = call();
  leaving.leave_after = 500ms;  // in the middle of the stream
  world.play(leaving);
  ASSERT_EQ(world.outcomes.size(), 1u);
  ASSERT_TRUE(world.outcomes[0].charged_nanodollars);
  EXPECT_EQ(spent(), *world.outcomes[0].charged_nanodollars);
  EXPECT_GT(spent(), counted(world));
  EXPECT_EQ(reserved(), 0);
}

}  // namespace
}  // namespace baton::simulation
