// Prompt caches behind the whole relay: the simulator keeps one for each account, and what was read and written there
// is what counts.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "ledger/book.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMark = R"(,"cache_control":{"type":"ephemeral"})";

WorldOptions organizations(size_t accounts) {
  WorldOptions options;
  options.accounts = accounts;
  options.pool = {};  // as it comes
  options.sim.orgs.clear();
  for (size_t i = 0; i < accounts; ++i)
    options.sim.orgs.push_back({.id = "org_" + std::to_string(i), .keys = {{.key = World::key(i)}}});
  options.sim.first_token = 500ms;
  options.sim.per_token = 1ms;
  options.sim.output_tokens = 10;
  return options;
}

std::string block(std::string_view text, bool marked) {
  return R"({"type":"text","text":")" + std::string(text) + "\"" + std::string(marked ? kMark : "") + "}";
}

// A prompt of 10,000 tokens that all share, if they name the same, and turns of 500 behind it, the last one marked.
Script call_of(std::string_view shared, std::string_view session, int turns = 1, Duration start = {}) {
  std::string messages;
  for (int turn = 0; turn < turns; ++turn) {
    if (turn > 0) messages += ",";
    const std::string text = std::string(session) + std::to_string(turn) + std::string(2000, 'x');
    messages += R"({"role":"user","content":[)" + block(text, turn + 1 == turns) + "]}";
  }
  Script script;
  script.fields = "x-claude-code-session-id: " + std::string(session) + "\r\n";
  script.body = R"({"model":"claude-sonnet-5-5","max_tokens":64,"system":[)" +
                block(std::string(shared) + std::string(40'000, 's'), true) + R"(],"messages":[)" + messages + "]}";
  script.start = start;
  return script;
}

std::set<std::string> accounts_of(const World& world) {
  std::set<std::string> out;
  for (const auto& outcome : world.outcomes) out.insert(outcome.attempts.back().account);
  return out;
}

size_t writers(const World& world, int64_t tokens) {
  return static_cast<size_t>(std::ranges::count_if(
      world.outcomes, [&](const auto& outcome) { return outcome.usage.cache_creation_input_tokens >= tokens; }));
}

TEST(AffinitySimulation, a_burst_with_one_large_prefix_writes_it_once) {
  for (const Duration wait : {Duration(2s), Duration{0}}) {
    WorldOptions options = organizations(8);
    options.pool.affinity.leader_wait = wait;
    World world(options);
    std::vector<Script> burst;
    for (int i = 0; i < 20; ++i) burst.push_back(call_of("agents", "agent-" + std::to_string(i), 1, 1ms * i));
    for (const Seen& one : world.play(burst)) EXPECT_EQ(one.status, 200);
    if (wait.count() > 0) {
      EXPECT_EQ(writers(world, 10'000), 1u);
      EXPECT_EQ(accounts_of(world).size(), 1u);
      EXPECT_EQ(world.metric("baton_affinity_follows_total{end=\"ready\"}"), 19);
    } else {
      EXPECT_GT(writers(world, 10'000), 10u);  // without a leader each pays
    }
    EXPECT_EQ(world.accounts().prompt_writes().followers(), 0u);
    world.check();
  }
}

TEST(AffinitySimulation, a_leader_that_fails_is_followed_by_the_next) {
  World world(organizations(4));
  std::vector<Script> burst;
  for (int i = 0; i < 10; ++i) burst.push_back(call_of("agents", "agent-" + std::to_string(i), 1, 1ms * i));
  burst[0].fields += "baton-sim: status=400;delay=300ms\r\n";
  const auto seen = world.play(burst);
  EXPECT_EQ(seen[0].status, 400);
  for (size_t i = 1; i < seen.size(); ++i) EXPECT_EQ(seen[i].status, 200);
  EXPECT_EQ(writers(world, 10'000), 1u);
  world.check();
}

TEST(AffinitySimulation, followers_wait_no_longer_than_they_may_and_may_leave) {
  WorldOptions options = organizations(4);
  options.sim.first_token = 20s;
  options.pool.affinity.leader_wait = 1s;
  World world(options);
  std::vector<Script> burst;
  for (int i = 0; i < 6; ++i) burst.push_back(call_of("agents", "agent-" + std::to_string(i), 1, 1ms * i));
  burst[3].leave_after = 500ms;
  const auto seen = world.play(burst);
  for (size_t i = 0; i < seen.size(); ++i) {
    if (i == 3) continue;
    EXPECT_EQ(seen[i].status, 200);
    EXPECT_LE(seen[i].total, 22s) << i;
  }
  EXPECT_EQ(world.metric("baton_affinity_follows_total{end=\"late\"}"), 4);
  EXPECT_EQ(world.accounts().prompt_writes().followers(), 0u);
  world.check();
}

TEST(AffinitySimulation, conversations_find_their_cache_and_the_relay_counts_what_it_saved) {
  std::string folder = testing::TempDir() + "affinity_test_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  {
    runtime::SystemClock clock;
    metrics::Log log(clock, -1);
    ledger::Book book({}, folder, std::make_shared<ledger::PriceTable>(), clock, log);
    WorldOptions options = organizations(8);
    options.book = &book;
    World world(options);
    for (int turns = 1; turns <= 5; ++turns) {
      std::vector<Script> round;
      for (int i = 0; i < 16; ++i) {
        const std::string session = "session-" + std::to_string(i);
        round.push_back(call_of(session, session, turns, 700ms * i));
      }
      for (const Seen& one : world.play(round)) EXPECT_EQ(one.status, 200);
    }
    // Each conversation's prefix is written once and read four times.
    EXPECT_EQ(writers(world, 10'000), 16u);
    const auto read = world.metric("baton_affinity_tokens_total{kind=\"read\"}");
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, static_cast<double>(world.simulator().books().cache_read_tokens));
    EXPECT_NEAR(*world.metric("baton_affinity_tokens_total{kind=\"expected\"}") / *read, 1, 0.02);
    // Seven of eight blind choices would have missed, and written what was read.
    const WallTime then = world.outcomes.back().started;
    const auto million = [&](const model::Usage& usage) {
      return static_cast<double>(*ledger::PriceTable().cost("claude-sonnet-5-5", usage, then)) * 1e-9;
    };
    const double written =
        million({.known = true, .cache_creation_input_tokens = 1'000'000, .cache_creation_5m_input_tokens = 1'000'000});
    const double difference = written - million({.known = true, .cache_read_input_tokens = 1'000'000});
    EXPECT_GT(difference, 1);
    EXPECT_NEAR(*world.metric("baton_affinity_saved_dollars_total"), *read * 7 / 8 * 1e-6 * difference,
                *read * 0.02e-6 * difference);
    EXPECT_EQ(world.metric("baton_affinity_lost_dollars_total"), 0);
    world.check();
  }
  std::filesystem::remove_all(folder);
}

TEST(AffinitySimulation, a_conversation_that_must_move_moves_once_and_stays) {
  World world(organizations(4));
  const auto turn = [&](int turns, std::string_view fault = "") {
    Script script = call_of("alone", "session", turns);
    if (!fault.empty()) script.fields += "baton-sim: " + std::string(fault) + "\r\n";
    EXPECT_EQ(world.play(script).status, 200);
    return world.outcomes.back().attempts.back().account;
  };
  const std::string home = turn(1);
  EXPECT_EQ(turn(2), home);
  const size_t index = *world.accounts().find(home);
  const std::string refuge = turn(3, "key=" + World::key(index) + ";status=429;retry_after=5");
  EXPECT_NE(refuge, home);
  EXPECT_GE(world.outcomes.back().usage.cache_creation_input_tokens, 10'000);
  EXPECT_GE(world.outcomes.back().affinity_lost_tokens, 10'000);
  for (int turns = 4; turns < 12; ++turns) {
    world.clock.advance(10s);  // its first home is well again
    EXPECT_EQ(turn(turns), refuge);
    EXPECT_LT(world.outcomes.back().usage.cache_creation_input_tokens, 1'000);
  }
  world.check();
}

// The simulated caches are emptied under our feet: the usage says so, and nothing is expected of them any more.
TEST(AffinitySimulation, beliefs_follow_the_usage_that_comes_back) {
  WorldOptions options = organizations(2);
  options.sim.cache_ttl = 10s;  // the relay believes in five minutes
  World world(options);
  EXPECT_EQ(world.play(call_of("a", "s", 1)).status, 200);
  world.clock.advance(60s);
  EXPECT_EQ(world.play(call_of("a", "s", 1)).status, 200);
  EXPECT_EQ(world.outcomes.back().usage.cache_read_input_tokens, 0);
  EXPECT_GT(*world.metric("baton_affinity_tokens_total{kind=\"expected\"}"), 10'000);
  EXPECT_EQ(world.outcomes.back().affinity_saved_tokens, 0);  // only what was really read counts
  world.check();
}

TEST(AffinitySimulation, one_account_alone_looks_at_no_prompt) {
  World world(organizations(1));
  EXPECT_FALSE(world.accounts().reads_prompts());
  EXPECT_EQ(world.play(call_of("a", "s", 1)).status, 200);
  EXPECT_EQ(world.accounts().prompt_prefixes(), 0u);
  EXPECT_FALSE(world.metric("baton_affinity_tokens_total{kind=\"expected\"}"));
  world.check();
}

}  // namespace
}  // namespace baton::simulation
