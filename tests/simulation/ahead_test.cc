// Replies that are asked for anew before their time is over, through the whole relay on virtual time.
#include <gtest/gtest.h>

#include "ledger/budgets.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::CacheUse;

class AheadSimulation : public testing::Test {
 protected:
  WorldOptions with(double share) {
    WorldOptions options;
    options.cache = reuse::Config{.ttl = 100s, .ahead_share = share};
    options.budgets = &budgets_;
    return options;
  }
  // Asks the same each 5 s for so long; how often the client had to wait for the upstream.
  static int ask_steadily(World& world, Duration time) {
    std::vector<Script> scripts;
    for (Duration at{0}; at < time; at += 5s)
      scripts.push_back({.fields = "baton-cache: on\r\n", .body = World::body(false), .start = at});
    int missed = 0;
    for (const Seen& seen : world.play(scripts)) {
      EXPECT_EQ(seen.status, 200);
      missed += seen.field("baton-cache") == "miss" ? 1 : 0;
    }
    return missed;
  }
  // So that there is something of which a share may be spent.
  static void spend(World& world, int calls) {
    for (int i = 0; i < calls; ++i)
      world.play({.fields = "baton-cache: on\r\n", .body = World::body(false, "other " + std::to_string(i))});
  }
  static double results(const World& world, std::string_view result) {
    return world.metric("baton_cache_ahead_total{result=\"" + std::string(result) + "\"}").value_or(0);
  }

  ledger::Budgets budgets_{{}, std::make_shared<ledger::PriceTable>()};
};

TEST_F(AheadSimulation, who_asks_steadily_never_waits_again) {
  World world(with(0.5));
  spend(world, 40);
  EXPECT_EQ(ask_steadily(world, 900s), 1);
  EXPECT_GE(results(world, "asked"), 8);
  EXPECT_LE(results(world, "asked"), 11) << "about one for each time of a reply";
  EXPECT_GE(results(world, "useful"), 7);
  EXPECT_EQ(results(world, "wasted"), 0);
  double marked = 0;
  for (const auto& outcome : world.outcomes) marked += outcome.cache == CacheUse::kRefresh ? 1 : 0;
  EXPECT_EQ(marked, results(world, "asked")) << "each is a call with an outcome of its own";
  world.check();
}

TEST_F(AheadSimulation, without_money_everybody_waits_in_turn) {
  World world(with(0.001));
  EXPECT_GE(ask_steadily(world, 400s), 4);
  EXPECT_EQ(results(world, "asked"), 0);
  EXPECT_GE(results(world, "no_money"), 3);
  world.check();
}

TEST_F(AheadSimulation, turned_off_nothing_is_foreseen) {
  World world(with(0));
  spend(world, 20);
  EXPECT_GE(ask_steadily(world, 400s), 4);
  EXPECT_EQ(world.metrics_text().find("baton_cache_ahead_total{"), std::string::npos);
  world.check();
}

// A job asks the same each hour; replies live for 100 s.
TEST_F(AheadSimulation, who_asks_each_hour_finds_the_answer_there) {
  World world(with(0.5));
  spend(world, 40);
  std::vector<Script> scripts;
  for (int hour = 0; hour < 12; ++hour)
    scripts.push_back({.fields = "baton-cache: on\r\n", .body = World::body(false), .start = hour * 1h});
  const auto seen = world.play(scripts);
  for (int hour = 0; hour < 12; ++hour) {
    EXPECT_EQ(seen[static_cast<size_t>(hour)].field("baton-cache"), hour < 4 ? "miss" : "hit") << hour;
    if (hour >= 4) EXPECT_LE(std::stoi(seen[static_cast<size_t>(hour)].field("baton-cache-age")), 5) << "seconds ahead";
  }
  EXPECT_EQ(results(world, "asked"), 8);
  EXPECT_EQ(results(world, "wasted"), 0);
  EXPECT_EQ(world.refreshes().waiting(), 1u);
  world.check();
}

// The same question from somebody whose key has been revoked meanwhile is not asked ahead.
TEST_F(AheadSimulation, a_round_is_asked_for_its_caller_as_any_call) {
  WorldOptions options = with(0.5);
  options.auth.clients = {{.name = "job", .key = Secret("key-of-the-job-0123456")}};
  World world(std::move(options));
  const auto as_job = [](std::string_view text, Duration start = 0s) {
    return Script{.fields =
                      "host: localhost\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\n"
                      "x-api-key: key-of-the-job-0123456\r\nbaton-cache: on\r\n",
                  .body = World::body(false, text),
                  .default_fields = false,
                  .start = start};
  };
  for (int i = 0; i < 40; ++i) world.play(as_job("other " + std::to_string(i)));
  std::vector<Script> scripts;
  for (int hour = 0; hour < 6; ++hour) scripts.push_back(as_job("hello", hour * 1h));
  world.play(scripts);
  ASSERT_EQ(results(world, "asked"), 2);
  for (const auto& outcome : world.outcomes) EXPECT_EQ(outcome.client, "job");
  world.check();
}

}  // namespace
}  // namespace baton::simulation
