// Chains of groups behind the whole relay, on virtual time: in which order they are asked, and what waits for what.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})";
Reply good() { return Reply::json(200, kMessage); }
Reply refusal(int status, std::string_view fields = "") { return Reply::json(status, R"({"type":"error"})", fields); }

// Two accounts near, two far, one in reserve; calls go near, then far, and never to the reserve.
WorldOptions chained() {
  WorldOptions options;
  options.scripted = true;
  options.pool = {};
  for (const char* group : {"near", "near", "far", "far", "reserve"}) {
    options.account_configs.push_back(
        {.name = "account-" + std::to_string(options.account_configs.size()), .group = group});
  }
  options.pool.routes = {{.groups = {"near", "far"}}};
  return options;
}

Script call_at(Duration start, std::string fields = "") {
  return {.fields = std::move(fields), .body = World::body(false), .start = start};
}

size_t asked(const World& world, std::initializer_list<size_t> accounts) {
  return static_cast<size_t>(std::ranges::count_if(world.upstreams.asked, [&](const Asked& one) {
    return std::ranges::find(accounts, one.account) != accounts.end();
  }));
}

TEST(ChainSimulation, the_first_group_takes_every_call_while_it_can) {
  World world(chained());
  for (size_t i = 0; i < 5; ++i) world.upstreams.always(i, good());
  std::vector<Script> scripts;
  for (int i = 0; i < 60; ++i) scripts.push_back(call_at(std::chrono::milliseconds(10 * i)));
  for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  EXPECT_EQ(asked(world, {0, 1}), 60u);
  EXPECT_GT(asked(world, {0}), 10u);
  EXPECT_GT(asked(world, {1}), 10u);
  world.check();
}

TEST(ChainSimulation, row20_no_529_reaches_a_client_while_a_group_is_left) {
  World world(chained());
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, refusal(529));
  for (size_t i = 2; i < 4; ++i) world.upstreams.always(i, good());
  std::vector<Script> scripts;
  for (int i = 0; i < 300; ++i) scripts.push_back(call_at(std::chrono::milliseconds(20 * i)));
  for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  // An overloaded group is asked now and then, not by every call.
  EXPECT_LE(asked(world, {0, 1}), 20u);
  EXPECT_EQ(asked(world, {4}), 0u);
  // It is first again once it is well.
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, good());
  world.play(call_at(10s));
  world.upstreams.asked.clear();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(world.play(call_at({})).status, 200);
  EXPECT_EQ(asked(world, {0, 1}), 20u);
  world.check();
}

TEST(ChainSimulation, a_group_that_fails_in_any_other_way_is_left_too) {
  for (int status : {401, 403, 429, 500}) {
    World world(chained());
    for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, refusal(status, "retry-after: 60\r\n"));
    for (size_t i = 2; i < 4; ++i) world.upstreams.always(i, good());
    int served = 0;
    for (int i = 0; i < 40; ++i) served += world.play(call_at(100ms)).status == 200;
    // What may have been processed is repeated once: until near is ejected, a 500 may meet another.
    EXPECT_GE(served, status == 500 ? 30 : 40) << status;
    EXPECT_GT(asked(world, {2, 3}), 0u) << status;
    EXPECT_EQ(asked(world, {4}), 0u) << status;
    world.check();
  }
}

TEST(ChainSimulation, a_busy_group_is_waited_for_as_long_as_patience_lasts) {
  struct Row {
    const char* retry_after;
    bool waits;
  };
  for (const Row& row : {Row{"retry-after-ms: 700\r\n", true}, Row{"retry-after-ms: 1500\r\n", false}}) {
    World world(chained());
    for (size_t i = 0; i < 2; ++i) world.upstreams.next(i, refusal(429, row.retry_after));
    for (size_t i = 0; i < 5; ++i) world.upstreams.always(i, good());
    // Who was refused goes on at once; who comes behind waits, or does not.
    auto both = world.play({call_at({}), call_at(10ms)});
    EXPECT_EQ(both[0].status, 200);
    EXPECT_LT(both[0].total, Duration(100ms));
    const Seen& seen = both[1];
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(asked(world, {2, 3}), row.waits ? 1u : 2u) << row.retry_after;
    if (row.waits) {
      EXPECT_GE(seen.total, Duration(680ms));
      EXPECT_LT(seen.total, Duration(1s));
    } else {
      EXPECT_LT(seen.total, Duration(100ms));
    }
    world.check();
  }
}

TEST(ChainSimulation, patience_is_spent_once_per_call) {
  WorldOptions options = chained();
  World world(options);
  // Near says again and again that it will be free in a moment.
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, refusal(429, "retry-after-ms: 900\r\n"));
  for (size_t i = 2; i < 4; ++i) world.upstreams.always(i, good());
  auto seen = world.play({call_at({}), call_at(10ms)});
  EXPECT_EQ(seen[1].status, 200);
  EXPECT_GT(seen[1].total, Duration(800ms));
  EXPECT_LT(seen[1].total, Duration(1100ms));
  EXPECT_EQ(asked(world, {2, 3}), 2u);
  world.check();
}

TEST(ChainSimulation, a_conversation_that_had_to_leave_stays_where_its_prompt_cache_is) {
  World world(chained());
  for (size_t i = 0; i < 2; ++i) world.upstreams.next(i, refusal(429, "retry-after: 30\r\n"));
  for (size_t i = 0; i < 5; ++i) world.upstreams.always(i, good());
  const std::string session = "x-claude-code-session-id: s1\r\n";
  EXPECT_EQ(world.play(call_at({}, session)).status, 200);
  const size_t home = world.upstreams.asked.back().account;
  EXPECT_GE(home, 2u);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(world.play(call_at(20s, session)).status, 200);
    EXPECT_EQ(world.upstreams.asked.back().account, home);
    EXPECT_EQ(world.play(call_at(1s, "x-claude-code-session-id: new" + std::to_string(i) + "\r\n")).status, 200);
    EXPECT_EQ(world.upstreams.asked.back().account < 2, i >= 1) << i;
  }
  world.check();
}

TEST(ChainSimulation, calls_that_wait_for_one_group_hold_back_nobody_elses) {
  WorldOptions options = chained();
  options.auth.clients = {{.name = "one", .key = Secret("sk-client-0000000000")},
                          {.name = "two", .key = Secret("sk-client-0000000001")}};
  options.pool.routes = {{.clients = {"one"}, .groups = {"near"}}, {.clients = {"two"}, .groups = {"far"}}};
  World world(options);
  for (size_t i = 0; i < 2; ++i) world.upstreams.next(i, refusal(429, "retry-after: 20\r\n"));
  for (size_t i = 0; i < 5; ++i) world.upstreams.always(i, good());
  std::vector<Script> scripts;
  for (int i = 0; i < 40; ++i) {
    Script script = call_at(std::chrono::milliseconds(100 * i));
    script.default_fields = false;
    script.fields =
        "host: localhost\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: "
        "sk-client-000000000" +
        std::to_string(i % 2) + "\r\n";
    scripts.push_back(script);
  }
  auto seen = world.play(scripts);
  for (size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].status, 200) << i;
    if (i % 2 == 1) EXPECT_LT(seen[i].total, Duration(100ms)) << i;
    if (i % 2 == 0) EXPECT_GT(seen[i].total, Duration(10s)) << i;
  }
  EXPECT_EQ(asked(world, {4}), 0u);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
