// Money: what the ledger holds against what the upstream counted, over random seeds with faults; and what keys may do.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/ascii.h"
#include "ledger/book.h"
#include "ledger/usage_report.h"
#include "tests/simulation/seeds.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using ledger::Group;
using ledger::GroupBy;

constexpr size_t kAccounts = 3;

class MoneyTest : public testing::Test {
 protected:
  MoneyTest() {
    std::string pattern = testing::TempDir() + "money_test_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~MoneyTest() override { std::filesystem::remove_all(folder_); }

  std::map<std::string, Group> by(const std::string& folder, GroupBy what) {
    std::map<std::string, Group> out;
    auto groups = ledger::usage_by(folder, what, {});
    EXPECT_TRUE(groups) << groups.error().detail;
    if (groups) {
      for (Group& group : *groups) out.emplace(group.name, group);
    }
    return out;
  }

  std::string folder_;
  runtime::VirtualClock clock_;
  metrics::Log log_{clock_, -1};
};

std::vector<Script> random_calls(runtime::Random& random, size_t count, bool leaving) {
  std::vector<Script> out;
  for (size_t i = 0; i < count; ++i) {
    // Some prompts come again, so that there are cache reads.
    std::string text(200 + 400 * random.below(4), static_cast<char>('a' + random.below(3)));
    const bool cached = random.chance(0.5);
    Script script{
        .fields = random.chance(0.5) ? "baton-tags: env=ci\r\n" : "",
        .body = World::body(random.chance(0.6), text, cached ? ",\"cache_control\":{\"type\":\"ephemeral\"}" : "")};
    script.start = std::chrono::milliseconds(random.below(20'000));
    if (random.chance(0.1)) script.path = "/v1/messages/count_tokens";
    if (leaving && random.chance(0.3)) script.leave_after = std::chrono::milliseconds(random.below(1'500));
    out.push_back(std::move(script));
  }
  return out;
}

// How many calls are played in all, and how many of them beside each other: BATON_MONEY_CALLS, a million in a soak.
struct Calls {
  uint64_t seeds = 30;
  size_t each = 25;
};
Calls calls_wanted() {
  const auto wanted = environment_number("BATON_MONEY_CALLS");
  if (!wanted) return {};
  return {.seeds = *wanted / 500 + 1, .each = 500};
}

// Runs one seed's calls with a book of their own; the world is still there for its books.
struct Season {
  Season(const std::string& folder, uint64_t seed, const sim::ErrorMix& errors, bool leaving,
         const runtime::Clock& clock, metrics::Log& log, size_t calls = 25)
      : book({}, folder, std::make_shared<ledger::PriceTable>(), clock, log),
        random(seed),
        world({.seed = seed, .accounts = kAccounts, .sim = {.seed = seed, .errors = errors}, .book = &book}) {
    world.play(random_calls(random, calls, leaving));
    world.check();
    world.ledger().flush();
    EXPECT_TRUE(book.settle(60s));
  }
  ledger::Book book;
  runtime::Random random;
  World world;
};

TEST_F(MoneyTest, TheRowsAreWhatTheUpstreamCounted) {
  int64_t messages = 0;
  const auto [seeds, each] = calls_wanted();
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    const std::string folder = folder_ + "/" + std::to_string(seed);
    Season run(folder, seed, {.rate_limited = 0.15, .overloaded = 0.15, .server_error = 0.1}, /*leaving=*/false, clock_,
               log_, each);
    const auto accounts = by(folder, GroupBy::kAccount);
    const ledger::PriceTable prices;
    int64_t cost = 0;
    for (size_t i = 0; i < kAccounts; ++i) {
      const sim::Account upstream = run.world.simulator().books(World::key(i));
      const auto found = accounts.find("account-" + std::to_string(i));
      const Group rows = found == accounts.end() ? Group{} : found->second;
      EXPECT_EQ(rows.calls, static_cast<int64_t>(upstream.requests));
      EXPECT_EQ(rows.failed, static_cast<int64_t>(upstream.refused));
      EXPECT_EQ(rows.input_tokens, static_cast<int64_t>(upstream.input_tokens));
      EXPECT_EQ(rows.output_tokens, static_cast<int64_t>(upstream.output_tokens));
      EXPECT_EQ(rows.cache_read_tokens, static_cast<int64_t>(upstream.cache_read_tokens));
      EXPECT_EQ(rows.cache_write_tokens, static_cast<int64_t>(upstream.cache_creation_tokens));
      EXPECT_EQ(rows.unpriced, 0);
      const auto wanted =
          prices.cost("claude-sonnet-5-5",
                      {.known = true,
                       .input_tokens = static_cast<int64_t>(upstream.input_tokens),
                       .output_tokens = static_cast<int64_t>(upstream.output_tokens),
                       .cache_creation_input_tokens = static_cast<int64_t>(upstream.cache_creation_tokens),
                       .cache_read_input_tokens = static_cast<int64_t>(upstream.cache_read_tokens)},
                      run.world.clock.wall());
      EXPECT_EQ(rows.cost_nanodollars, wanted);
      cost += rows.cost_nanodollars;
      messages += static_cast<int64_t>(upstream.messages);
    }
    // The same money, whichever way it is added up.
    const auto keys = by(folder, GroupBy::kKey);
    ASSERT_EQ(keys.size(), 1u);
    EXPECT_EQ(keys.begin()->second.calls, static_cast<int64_t>(each));
    EXPECT_EQ(keys.begin()->second.cost_nanodollars, cost);
    int64_t by_tag = 0;
    for (const auto& [tag, group] : by(folder, GroupBy::kTag)) by_tag += group.cost_nanodollars;
    EXPECT_EQ(by_tag, cost);
    EXPECT_EQ(run.book.written(), run.world.outcomes.size());
    std::filesystem::remove_all(folder);
    if (HasFailure()) break;
  }
  EXPECT_GT(messages, 400);
}

TEST_F(MoneyTest, WhatIsCutIsBookedAsFarAsItIsKnownAndNeverAsFree) {
  int64_t unknown = 0;
  int64_t cut = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const std::string folder = folder_ + "/" + std::to_string(seed);
    Season run(folder, seed, {.overloaded = 0.1, .reset = 0.2, .stream_error = 0.2}, /*leaving=*/true, clock_, log_);
    const auto accounts = by(folder, GroupBy::kAccount);
    std::map<std::string, int64_t> stated;  // Messages whose usage was seen
    for (const auto& outcome : run.world.outcomes) {
      for (const auto& attempt : outcome.attempts) stated[attempt.account] += attempt.usage.known;
    }
    for (size_t i = 0; i < kAccounts; ++i) {
      const std::string name = "account-" + std::to_string(i);
      const sim::Account upstream = run.world.simulator().books(World::key(i));
      const auto found = accounts.find(name);
      const Group rows = found == accounts.end() ? Group{} : found->second;
      const auto lost = static_cast<int64_t>(upstream.messages) - stated[name];
      EXPECT_GE(lost, 0);
      EXPECT_GE(rows.unpriced, lost);
      EXPECT_LE(rows.input_tokens, static_cast<int64_t>(upstream.input_tokens));
      // A whole Message behind which the simulator breaks off stated tokens that its books leave out: 64 at most.
      EXPECT_LE(rows.output_tokens, static_cast<int64_t>(upstream.output_tokens + 64 * upstream.aborted));
      if (lost == 0) {
        EXPECT_EQ(rows.input_tokens, static_cast<int64_t>(upstream.input_tokens));
        EXPECT_EQ(rows.cache_read_tokens, static_cast<int64_t>(upstream.cache_read_tokens));
        EXPECT_EQ(rows.cache_write_tokens, static_cast<int64_t>(upstream.cache_creation_tokens));
      }
      unknown += lost;
      cut += static_cast<int64_t>(upstream.aborted);
    }
    EXPECT_EQ(by(folder, GroupBy::kKey).begin()->second.calls, static_cast<int64_t>(run.world.outcomes.size()));
  }
  EXPECT_GT(unknown, 0);
  EXPECT_GT(cut, 50);
}

TEST_F(MoneyTest, ACallThatCannotBeBookedIsNotBegun) {
  std::filesystem::create_directories(folder_ + "/ledger.db");
  ledger::Book book({.queue_rows_max = 2}, folder_, std::make_shared<ledger::PriceTable>(), clock_, log_);
  World world({.book = &book});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(world.play({.body = World::body(true)}).status, 200);
  world.ledger().flush();
  const uint64_t served = world.simulator().books().requests;
  const Seen refused = world.play({.body = World::body(true)});
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("could not reach its own store"), std::string::npos) << refused.body;
  EXPECT_EQ(world.simulator().books().requests, served);
  world.check();
  std::filesystem::remove(folder_ + "/ledger.db");
  EXPECT_TRUE(book.settle(60s));
  EXPECT_EQ(world.play({.body = World::body(true)}).status, 200);
  world.ledger().flush();
  EXPECT_TRUE(book.settle(60s));
  EXPECT_EQ(by(folder_, GroupBy::kKey).begin()->second.calls, 4);
}

// -- Keys --

class KeysTest : public testing::Test {
 protected:
  static constexpr std::string_view kKey = "bk-000102030405060708090a0b0c0d0e0f1011121314151617";

  void give(auth::Rights rights) {
    stored_.keys = {{.id = "key_1",
                     .name = "ci",
                     .team = "web",
                     .tags = "env=ci",
                     .shown = {},
                     .rights = std::move(rights),
                     .created = {},
                     .expires = {},
                     .revoked = {}}};
    stored_.secrets = {{.digest = auth::keyed_digest(stored_.secret, kKey), .key_id = "key_1", .until = {}}};
    ring_.replace(stored_);
  }
  static Script call(std::string body = World::body(true), std::string more = "") {
    return {
        .fields =
            "host: relay.example\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: " +
            std::string(kKey) + "\r\n" + more,
        .body = std::move(body),
        .default_fields = false};
  }

  auth::StoredKeys stored_;
  auth::KeyRing ring_;
};

TEST_F(KeysTest, WhoCalledAndWhatForIsBooked) {
  give({});
  World world({.keys = &ring_});
  EXPECT_EQ(world
                .play(call(World::body(true),
                           "baton-tags: search\r\nx-claude-code-session-id: s1\r\nx-claude-code-agent-id: a1\r\n"))
                .status,
            200);
  ASSERT_EQ(world.outcomes.size(), 1u);
  const model::Outcome& outcome = world.outcomes[0];
  EXPECT_EQ(outcome.client, "ci");
  EXPECT_EQ(outcome.key_id, "key_1");
  EXPECT_EQ(outcome.team, "web");
  EXPECT_EQ(outcome.tags, "env=ci,search");
  EXPECT_EQ(outcome.session_id, "s1");
  EXPECT_EQ(outcome.agent_id, "a1");
  EXPECT_EQ(outcome.attempts[0].model, "claude-sonnet-5-5");
  world.check();
}

TEST_F(KeysTest, ARevokedKeyIsRefusedFromTheNextCallOn) {
  give({});
  World world({.keys = &ring_});
  EXPECT_EQ(world.play(call()).status, 200);
  stored_.keys[0].revoked = WallTime{};
  ring_.replace(stored_);
  const Seen seen = world.play(call());
  EXPECT_EQ(seen.status, 401);
  EXPECT_NE(seen.body.find("ci was revoked"), std::string::npos) << seen.body;
  EXPECT_EQ(world.play({.body = World::body(true)}).status, 401) << "from this host too";
}

TEST_F(KeysTest, AKeyIsHeldToItsModelsAndEndpoints) {
  give({.models = {"claude-haiku-*"}, .endpoints = {"messages"}});
  World world({.keys = &ring_});
  const Seen model = world.play(call());
  EXPECT_EQ(model.status, 403);
  EXPECT_NE(model.body.find("permission_error"), std::string::npos);
  EXPECT_NE(model.body.find("claude-sonnet-5-5"), std::string::npos) << model.body;
  EXPECT_EQ(model.field("x-should-retry"), "false");
  Script count = call();
  count.path = "/v1/messages/count_tokens";
  EXPECT_EQ(world.play(count).status, 403);
  EXPECT_EQ(world.simulator().books().requests, 0u);
  std::string haiku = World::body(true);
  haiku.replace(haiku.find("claude-sonnet-5-5"), 17, "claude-haiku-4-5");
  EXPECT_EQ(world.play(call(haiku)).status, 200);
  world.check();
}

TEST_F(KeysTest, CallsAtATimeAndAMinuteAreCountedAndGivenBack) {
  give({.requests_per_minute = 6, .concurrency = 2});
  World world({.keys = &ring_});
  std::vector<Script> four(4, call());
  int served = 0;
  int refused = 0;
  for (const Seen& seen : world.play(four)) {
    served += seen.status == 200;
    refused += seen.status == 429;
    if (seen.status == 429) EXPECT_NE(seen.body.find("2 calls at a time"), std::string::npos) << seen.body;
  }
  EXPECT_EQ(served, 2);
  EXPECT_EQ(refused, 2);
  // Two of the minute's six are spent; refused calls spend nothing.
  for (int i = 0; i < 4; ++i) {
    Script leaving = call();
    leaving.leave_after = 50ms;  // its place is given back too
    world.play(leaving);
  }
  const Seen seen = world.play(call());
  EXPECT_EQ(seen.status, 429);
  EXPECT_NE(seen.body.find("6 requests a minute"), std::string::npos) << seen.body;
  EXPECT_NE(seen.field("retry-after"), "");
  EXPECT_EQ(world
                .play([] {
                  Script later = call();
                  later.start = 11s;
                  return later;
                }())
                .status,
            200);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
