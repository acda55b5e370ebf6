// The pool behind the whole relay, on virtual time: limits kept, calls smoothed, tenants fair, accounts that come back,
// conversations that stay. Upstream is the simulator's real limiter, one organization per account, or scripted answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using model::AttemptResult;
using namespace std::chrono_literals;

struct Limits {
  uint64_t requests = 0;
  uint64_t input = 0;
  uint64_t output = 0;
};

WorldOptions pool_of(size_t accounts, Limits limits = {}, uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.accounts = accounts;
  options.pool = {};  // as it comes
  options.sim.seed = seed;
  options.sim.orgs.clear();
  for (size_t i = 0; i < accounts; ++i) {
    options.sim.orgs.push_back({.id = "org_" + std::to_string(i),
                                .keys = {{.key = World::key(i), .workspace = "default"}},
                                .requests_per_minute = limits.requests,
                                .input_tokens_per_minute = limits.input,
                                .output_tokens_per_minute = limits.output});
  }
  options.sim.first_token = 50ms;
  options.sim.per_token = 1ms;
  options.sim.output_tokens = 10;
  return options;
}

WorldOptions scripted(size_t accounts, uint64_t seed = 1) {
  WorldOptions options = pool_of(accounts, {}, seed);
  options.scripted = true;
  return options;
}

Script call_at(Duration start, bool stream = true, std::string fields = "") {
  return {.fields = std::move(fields), .body = World::body(stream), .start = start};
}

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})";
Reply good() { return Reply::json(200, kMessage); }
Reply refusal(int status, std::string_view fields = "", std::string_view code = "") {
  std::string details = code.empty() ? "" : R"(,"details":{"error_code":")" + std::string(code) + "\"}";
  return Reply::json(status, R"({"type":"error","error":{"type":"x_error","message":"no")" + details + "}}", fields);
}

size_t count_status(const std::vector<Seen>& seen, int status) {
  return static_cast<size_t>(
      std::count_if(seen.begin(), seen.end(), [&](const Seen& one) { return one.status == status; }));
}

size_t refusals(World& world) {
  size_t count = 0;
  for (const auto& outcome : world.outcomes) {
    for (const auto& attempt : outcome.attempts) count += attempt.result == AttemptResult::kRateLimited;
  }
  return count;
}

// -- Limits kept, calls smoothed --

// Offers `per_second` calls for a minute and says how many were served within it.
struct Load {
  size_t served = 0;
  size_t refused_by_us = 0;
  size_t upstream_429 = 0;
};
Load offer(size_t accounts, Limits limits, double per_second, uint64_t seed, uint32_t tokens = 10) {
  WorldOptions options = pool_of(accounts, limits, seed);
  options.sim.output_tokens = tokens;
  World world(options);
  std::vector<Script> scripts;
  const auto calls = static_cast<size_t>(per_second * 60);
  for (size_t i = 0; i < calls; ++i) {
    scripts.push_back(call_at(Duration(static_cast<int64_t>(static_cast<double>(i) * 1e9 / per_second)), i % 2 == 0));
    scripts.back().body = World::body(i % 2 == 0, std::string(4 * tokens, 'x'));
  }
  auto seen = world.play(scripts);
  world.check();
  Load load;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].status == 200 && scripts[i].start + seen[i].total <= 60s) ++load.served;
    if (seen[i].status == 429) {
      ++load.refused_by_us;
      EXPECT_FALSE(seen[i].field("retry-after").empty());
      EXPECT_FALSE(seen[i].field("baton-retry-at").empty());
    }
  }
  load.upstream_429 = refusals(world);
  return load;
}

TEST(PoolSimulation, four_limit_domains_give_at_least_3_9_times_one) {
  // Each may send its bucket and a minute's refill: 40 calls. Twice as much is offered as all may take.
  const Load one = offer(1, {.requests = 20}, 1.35, 1);
  const Load four = offer(4, {.requests = 20}, 5.4, 1);
  RecordProperty("served_by_one", static_cast<int>(one.served));
  RecordProperty("served_by_four", static_cast<int>(four.served));
  std::printf("goodput in a minute: 1 domain %zu, 4 domains %zu (%.2fx); upstream 429: %zu and %zu\n", one.served,
              four.served, static_cast<double>(four.served) / static_cast<double>(one.served), one.upstream_429,
              four.upstream_429);
  EXPECT_GE(one.served, 38u);
  EXPECT_GE(static_cast<double>(four.served), 3.9 * static_cast<double>(one.served));
  EXPECT_LE(four.upstream_429, 4u);
  EXPECT_GT(four.refused_by_us, 0u);
}

TEST(PoolSimulation, token_limits_are_learnt_and_kept) {
  for (const Limits& limits : {Limits{.input = 3'000}, Limits{.output = 2'000}}) {
    const Load load = offer(2, limits, 4, 7, 60);
    std::printf("served %zu of 240, upstream 429: %zu\n", load.served, load.upstream_429);
    EXPECT_GT(load.served, 75u);
    EXPECT_LT(load.served, 200u);
    EXPECT_LE(static_cast<double>(load.upstream_429), 0.05 * static_cast<double>(load.served));
  }
}

TEST(PoolSimulation, row16_no_arrival_inside_a_retry_after) {
  size_t arrivals = 0, limits = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    runtime::Random random(seed);
    const size_t accounts = 1 + random.below(4);
    World world(scripted(accounts, seed));
    std::map<size_t, std::vector<std::pair<Instant, Instant>>> closed;  // by account: from, until
    for (size_t account = 0; account < accounts; ++account) {
      for (int i = 0; i < 200; ++i) {
        if (!random.chance(0.3)) {
          world.upstreams.next(account, good());
          continue;
        }
        const uint64_t wait = 1 + random.below(9);
        world.upstreams.next(account, refusal(429, "retry-after: " + std::to_string(wait) + "\r\n"));
      }
    }
    std::vector<Script> scripts;
    for (int i = 0; i < 120; ++i)
      scripts.push_back(call_at(Duration(static_cast<int64_t>(random.below(40'000'000'000))), false));
    auto seen = world.play(scripts);
    world.check();
    // What was asked while a refusal was on its way may have been; what was asked after it had come may not.
    for (const auto& outcome : world.outcomes) EXPECT_LE(outcome.attempts.size(), 3u);
    std::map<size_t, size_t> number;
    runtime::Random again(seed);
    again.below(4);
    std::map<size_t, std::vector<uint64_t>> waits;
    for (size_t account = 0; account < accounts; ++account) {
      for (int i = 0; i < 200; ++i) waits[account].push_back(again.chance(0.3) ? 1 + again.below(9) : 0);
    }
    for (const auto& asked : world.upstreams.asked) {
      ++arrivals;
      for (const auto& [from, until] : closed[asked.account]) {
        EXPECT_FALSE(asked.at > from && asked.at < until) << "seed " << seed << " account " << asked.account;
      }
      const uint64_t wait = waits[asked.account][number[asked.account]++];
      if (wait == 0) continue;
      ++limits;
      closed[asked.account].push_back({asked.at, asked.at + std::chrono::seconds(wait)});
    }
    for (const Seen& one : seen) EXPECT_TRUE(one.status == 200 || one.status == 429) << one.status;
  }
  EXPECT_GT(limits, 500u);
  std::printf("%zu arrivals, %zu refusals with a retry-after, none inside one\n", arrivals, limits);
}

TEST(PoolSimulation, row17_a_window_that_is_spent_keeps_the_account_alone_until_its_reset) {
  World world(scripted(2));
  const auto reset =
      std::chrono::duration_cast<std::chrono::seconds>((world.clock.wall() + 3h).time_since_epoch()).count();
  world.upstreams.next(0, refusal(429,
                                  "retry-after: 1\r\nanthropic-ratelimit-unified-5h-status: "
                                  "rejected\r\nanthropic-ratelimit-unified-5h-reset: " +
                                      std::to_string(reset) + "\r\n"));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, good());
  std::vector<Script> scripts;
  for (int i = 0; i < 170; ++i) scripts.push_back(call_at(std::chrono::minutes(i), false));
  for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  EXPECT_EQ(std::count_if(world.upstreams.asked.begin(), world.upstreams.asked.end(),
                          [](const Asked& a) { return a.account == 0; }),
            1);
  scripts.clear();
  for (int i = 0; i < 20; ++i) scripts.push_back(call_at(std::chrono::minutes(i), false));
  world.play(scripts);
  EXPECT_GT(std::count_if(world.upstreams.asked.begin(), world.upstreams.asked.end(),
                          [](const Asked& a) { return a.account == 0; }),
            1);
  world.check();
}

TEST(PoolSimulation, row18_when_the_pool_cools_the_client_learns_the_least_wait) {
  struct Row {
    uint64_t a, b;
    const char* want;
    bool hopeless;
  };
  for (const Row& row : {Row{90, 45, "45", false}, Row{300, 200, "50", false}, Row{90'000, 40'000, "50", true}}) {
    World world(scripted(2));
    world.upstreams.next(0, refusal(429, "retry-after: " + std::to_string(row.a) + "\r\n"));
    world.upstreams.next(1, refusal(429, "retry-after: " + std::to_string(row.b) + "\r\n"));
    // The first call gets the last upstream answer as it was, later ones ours.
    Seen first = world.play(call_at({}, false));
    EXPECT_EQ(first.status, 429);
    EXPECT_EQ(first.body, R"({"type":"error","error":{"type":"x_error","message":"no"}})");
    EXPECT_EQ(world.outcomes[0].attempts.size(), 2u);
    Seen seen = world.play(call_at({}, false));
    EXPECT_EQ(seen.status, 429);
    EXPECT_EQ(seen.field("retry-after"), row.want);
    EXPECT_EQ(seen.field("x-should-retry"), row.hopeless ? "false" : "");
    EXPECT_EQ(seen.field("baton-retry-at").size(), 20u) << seen.head;
    EXPECT_TRUE(seen.body.starts_with(R"({"type":"error","error":{"type":"rate_limit_error")")) << seen.body;
    EXPECT_LT(seen.total, Duration(1s));  // refused at once
    EXPECT_EQ(world.upstreams.asked.size(), 2u);
    world.check();
  }
}

TEST(PoolSimulation, row18_a_short_wait_is_waited_for) {
  World world(scripted(1));
  world.upstreams.next(0, refusal(429, "retry-after: 20\r\n"));
  world.upstreams.always(0, good());
  Seen seen = world.play(call_at({}, false));
  EXPECT_EQ(seen.status, 200);
  EXPECT_GE(seen.total, Duration(20s));
  EXPECT_LT(seen.total, Duration(21s));
  EXPECT_EQ(world.outcomes[0].attempts.size(), 2u);
  world.check();
}

TEST(PoolSimulation, row19_a_bare_429_benches_nobody) {
  World world(scripted(1));
  world.upstreams.next(0, refusal(429));
  world.upstreams.always(0, good());
  auto seen = world.play({call_at({}, false), call_at(50ms, false)});
  EXPECT_EQ(seen[0].status, 200);
  EXPECT_LT(seen[0].total, Duration(1s));  // a short pause
  EXPECT_GE(seen[0].total, Duration(100ms));
  EXPECT_EQ(seen[1].status, 200);
  EXPECT_LT(seen[1].total, Duration(50ms));  // and none for others
  world.check();
}

TEST(PoolSimulation, row20_overload_goes_to_another_account_and_a_pause_is_within_a_budget) {
  World world(scripted(3));
  world.upstreams.always(0, refusal(529));
  world.upstreams.always(1, refusal(529));
  world.upstreams.always(2, good());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(world.play(call_at({}, false)).status, 200);
  world.check();
  // Everything fails: the storm is bounded.
  World storm(scripted(4));
  for (size_t i = 0; i < 4; ++i) storm.upstreams.always(i, refusal(529));
  std::vector<Script> scripts(200, call_at({}, false));
  auto seen = storm.play(scripts);
  EXPECT_EQ(count_status(seen, 529), 200u);
  std::printf("everything answers 529: %zu attempts for 200 calls\n", storm.upstreams.asked.size());
  EXPECT_LE(storm.upstreams.asked.size(), 200u * 13 / 10 + 3);
  storm.check();
}

TEST(PoolSimulation, row25_a_malformed_request_harms_no_account) {
  World world(scripted(3));
  for (int status : {400, 413, 422}) {
    for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, refusal(status));
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(world.play(call_at({}, false)).status, status);
      EXPECT_EQ(world.outcomes.back().attempts.size(), 1u);
    }
  }
  std::set<size_t> used;
  world.upstreams.asked.clear();
  for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, good());
  for (int i = 0; i < 9; ++i) EXPECT_EQ(world.play(call_at({}, false)).status, 200);
  for (const auto& asked : world.upstreams.asked) used.insert(asked.account);
  EXPECT_EQ(used.size(), 3u);
  world.check();
}

TEST(PoolSimulation, row26_no_herd_follows_a_429) {
  World world(scripted(2));
  world.upstreams.next(0, refusal(429, "retry-after: 5\r\n"));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, good());
  // One call meets the limit; a hundred come right behind it.
  std::vector<Script> scripts{call_at({}, false), call_at({}, false)};
  for (int i = 0; i < 100; ++i) scripts.push_back(call_at(10ms + std::chrono::milliseconds(i), false));
  for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  EXPECT_EQ(std::count_if(world.upstreams.asked.begin(), world.upstreams.asked.end(),
                          [](const Asked& a) { return a.account == 0; }),
            1);
  world.check();
}

// -- The queue --

TEST(PoolSimulation, a_greedy_tenant_leaves_the_others_their_share) {
  WorldOptions options = pool_of(2, {.requests = 60});
  for (int i = 0; i < 5; ++i)
    options.auth.clients.push_back(
        {.name = "tenant-" + std::to_string(i), .key = Secret("sk-tenant-000000000" + std::to_string(i))});
  World world(options);
  std::vector<Script> scripts;
  std::vector<size_t> tenant_of;
  runtime::Random random(3);
  // Tenant 0 sends 200 at once and goes on; the others together ask for about their fair share.
  for (size_t tenant = 0; tenant < 5; ++tenant) {
    const size_t calls = tenant == 0 ? 600 : 60;
    for (size_t i = 0; i < calls; ++i) {
      Script script = call_at(Duration(static_cast<int64_t>(random.below(60'000'000'000))), true);
      if (tenant == 0 && i < 200) script.start = {};
      script.default_fields = false;
      script.fields =
          "host: localhost\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: "
          "sk-tenant-000000000" +
          std::to_string(tenant) + "\r\n";
      scripts.push_back(script);
      tenant_of.push_back(tenant);
    }
  }
  auto seen = world.play(scripts);
  world.check();
  // Calls served once the bucket's first content is gone, for as long as everybody asks.
  std::vector<double> served(5, 0);
  for (size_t i = 0; i < seen.size(); ++i) {
    const Duration end = scripts[i].start + seen[i].total;
    if (seen[i].status == 200 && end > 10s && end < 60s) served[tenant_of[i]] += 1;
  }
  const double sum = std::accumulate(served.begin(), served.end(), 0.0);
  double squares = 0;
  for (double one : served) squares += one * one;
  const double index = sum * sum / (5 * squares);
  std::printf("served per tenant %g %g %g %g %g, fairness %.3f\n", served[0], served[1], served[2], served[3],
              served[4], index);
  EXPECT_GE(index, 0.95);
}

TEST(PoolSimulation, the_queue_is_bounded_and_the_longest_makes_room) {
  WorldOptions options = scripted(1);
  options.pool.queue.length_max = 10;
  World world(options);
  world.upstreams.next(0, refusal(429, "retry-after: 10\r\n"));
  world.upstreams.always(0, good());
  std::vector<Script> scripts{call_at({}, false)};
  for (int i = 0; i < 30; ++i) scripts.push_back(call_at(1s + std::chrono::milliseconds(i), false));
  double most = 0;
  world.on_turn = [&] { most = std::max(most, static_cast<double>(world.accounts().waiting())); };
  auto seen = world.play(scripts);
  EXPECT_EQ(most, 10);
  EXPECT_EQ(count_status(seen, 429), 21u);
  for (const Seen& one : seen) {
    if (one.status != 429) continue;
    EXPECT_LT(one.total, Duration(1s));
    EXPECT_FALSE(one.field("retry-after").empty());
  }
  EXPECT_EQ(world.metric("baton_queue_unserved_total{why=\"queue_full\"}"), 21);
  EXPECT_EQ(world.metric("baton_calls_waiting"), 0);
  world.check();
}

TEST(PoolSimulation, who_cannot_be_served_in_time_learns_it_at_once) {
  struct Row {
    const char* fields;
    bool served;
  };
  for (const Row& row : {Row{"baton-deadline: 10s\r\n", false}, Row{"x-stainless-timeout: 10\r\n", false},
                         Row{"baton-deadline: 25s\r\n", true}, Row{"", true},
                         Row{"x-stainless-timeout: 600\r\nbaton-deadline: 5s\r\n", false}}) {
    World world(scripted(1));
    world.upstreams.next(0, refusal(429, "retry-after: 20\r\n"));
    world.upstreams.always(0, good());
    auto seen = world.play({call_at({}, false), call_at(1s, false, row.fields)});
    EXPECT_EQ(seen[1].status, row.served ? 200 : 429) << row.fields;
    if (!row.served) {
      EXPECT_LT(seen[1].total, Duration(100ms));
      EXPECT_EQ(seen[1].field("retry-after"), "19");
    }
    world.check();
  }
}

TEST(PoolSimulation, a_client_that_leaves_the_queue_leaves_nothing_behind) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World world(pool_of(2, {.requests = 6}, seed));
    runtime::Random random(seed);
    std::vector<Script> scripts;
    for (int i = 0; i < 60; ++i) {
      scripts.push_back(call_at(Duration(static_cast<int64_t>(random.below(20'000'000'000)))));
      if (random.chance(0.5)) scripts.back().leave_after = Duration(static_cast<int64_t>(random.below(15'000'000'000)));
    }
    auto seen = world.play(scripts);
    EXPECT_EQ(world.accounts().waiting(), 0u);
    EXPECT_EQ(world.outcomes.size(), scripts.size());
    EXPECT_EQ(world.accounts().retry_budget().calls(), 0);
    EXPECT_EQ(world.accounts().retry_budget().repetitions(), 0);
    world.check();
  }
}

TEST(PoolSimulation, counting_tokens_is_not_held_up) {
  World world(pool_of(1, {.requests = 2}));
  std::vector<Script> scripts;
  for (int i = 0; i < 6; ++i) scripts.push_back(call_at({}));
  for (int i = 0; i < 6; ++i) scripts.push_back(call_at(1s));
  for (size_t i = 6; i < 12; ++i) {
    scripts[i].path = "/v1/messages/count_tokens";
    scripts[i].body = R"({"model":"claude-sonnet-5-5","messages":[{"role":"user","content":"hello"}]})";
  }
  auto seen = world.play(scripts);
  for (size_t i = 6; i < 12; ++i) {
    EXPECT_EQ(seen[i].status, 200);
    EXPECT_LT(seen[i].total, Duration(100ms));
  }
  world.check();
}

// -- Health --

TEST(PoolSimulation, a_failing_account_costs_a_few_calls_a_retry_and_comes_back) {
  World world(scripted(3));
  for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, good());
  world.upstreams.always(0, refusal(500));
  std::vector<Script> scripts;
  for (int i = 0; i < 290; ++i) scripts.push_back(call_at(std::chrono::milliseconds(100 * i), false));
  for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  auto asked_first = [&] {
    return std::count_if(world.upstreams.asked.begin(), world.upstreams.asked.end(),
                         [](const Asked& a) { return a.account == 0; });
  };
  EXPECT_EQ(asked_first(), 5);
  world.upstreams.always(0, good());
  world.upstreams.asked.clear();
  for (int round = 0; round < 3; ++round) {  // it was asked ever more rarely, so its ejection began late
    for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  }
  EXPECT_GT(asked_first(), 50);
  world.check();
}

TEST(PoolSimulation, F28_a_bad_key_and_a_spent_account_are_passed_over) {
  World world(scripted(3));
  for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, good());
  world.upstreams.always(0, refusal(401));
  world.upstreams.always(1, refusal(429, "", "enforced_spend_limit_reached"));
  std::vector<Script> scripts;
  for (int i = 0; i < 300; ++i) scripts.push_back(call_at(std::chrono::seconds(i), false));
  for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  std::map<size_t, int> asked;
  for (const auto& one : world.upstreams.asked) ++asked[one.account];
  EXPECT_EQ(asked[1], 1);  // until the next month
  EXPECT_GE(asked[0], 4);  // once a minute
  EXPECT_LE(asked[0], 6);
  world.check();
}

// -- Conversations --

TEST(PoolSimulation, row21_row24_a_conversation_keeps_its_account_and_moves_once) {
  for (int kind = 0; kind < 3; ++kind) {
    World world(scripted(4));
    for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, good());
    auto turn = [&](int session, int number) {
      std::string messages = R"({"role":"user","content":"question of )" +
                             std::string(kind == 2 ? std::to_string(session) : "all") + std::string(2500, 'x') + "\"}";
      for (int i = 0; i < number; ++i)
        messages += R"(,{"role":"assistant","content":"answer"},{"role":"user","content":"more"})";
      Script script;
      script.body = R"({"model":"claude-sonnet-5-5","max_tokens":64,)" +
                    (kind == 1 ? R"("metadata":{"user_id":"u)" + std::to_string(session) + "\"}," : std::string()) +
                    "\"messages\":[" + messages + "]}";
      if (kind == 0) script.fields = "x-claude-code-session-id: s" + std::to_string(session) + "\r\n";
      return script;
    };
    std::map<int, std::set<size_t>> accounts;
    std::map<size_t, int> load;
    for (int number = 0; number < 5; ++number) {
      for (int session = 0; session < 40; ++session) {
        EXPECT_EQ(world.play(turn(session, number)).status, 200);
        accounts[session].insert(world.upstreams.asked.back().account);
        if (number == 0) ++load[world.upstreams.asked.back().account];
      }
    }
    for (const auto& [session, used] : accounts) EXPECT_EQ(used.size(), 1u) << kind;
    EXPECT_EQ(load.size(), 4u);
    EXPECT_EQ(world.metric("baton_affinity_total{account=\"new\"}"), 40);
    EXPECT_EQ(world.metric("baton_affinity_total{account=\"kept\"}"), 160);
    // Account 0 is limited for a while: its conversations move once and stay.
    world.upstreams.next(0, refusal(429, "retry-after: 30\r\n"));
    std::map<int, std::vector<size_t>> path;
    for (int number = 5; number < 9; ++number) {
      for (int session = 0; session < 40; ++session) {
        EXPECT_EQ(world.play(turn(session, number)).status, 200);
        path[session].push_back(world.upstreams.asked.back().account);
      }
      world.play(call_at(31s, false));  // and it would be free again
    }
    size_t moved = 0;
    for (const auto& [session, places] : path) {
      const size_t home = *accounts[session].begin();
      for (size_t place : places) EXPECT_EQ(place, places[0]);
      if (home == 0) {
        EXPECT_NE(places[0], 0u);
        ++moved;
      } else {
        EXPECT_EQ(places[0], home);
      }
    }
    EXPECT_EQ(moved, static_cast<size_t>(load[0]));
    world.check();
  }
}

}  // namespace
}  // namespace baton::simulation
