// Several endpoints of one account, through the whole relay: which one calls go to, and what becomes of those that
// fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

constexpr size_t kRegions = 3;
constexpr size_t kSlow = 1;

WorldOptions regions(size_t count, uint64_t seed) {
  WorldOptions options{.seed = seed, .scripted = true};
  accounts::AccountConfig account;
  for (size_t i = 1; i < count; ++i)
    account.endpoints.push_back({.name = "region-" + std::to_string(i), .url = "https://r" + std::to_string(i)});
  options.account_configs = {account};
  return options;
}

// An answer whose first byte comes after so long.
Reply after(Duration delay) {
  Reply reply = Reply::stream(short_message());
  reply.acts.front().after = delay;
  return reply;
}

// A region answers within 300 to 500 ms, the slow one four times as late.
std::vector<Reply> answers(size_t region, size_t count, uint64_t seed) {
  runtime::Random random(seed * kRegions + region);
  std::vector<Reply> out;
  for (size_t i = 0; i < count; ++i) {
    const auto delay = std::chrono::microseconds(300'000 + static_cast<int64_t>(200'000 * random.unit()));
    out.push_back(after(region == kSlow ? 4 * delay : delay));
  }
  return out;
}

struct Figures {
  double mean = 0;
  double p99 = 0;
};
Figures figures(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  Figures out;
  for (double one : seconds) out.mean += one / static_cast<double>(seconds.size());
  out.p99 = seconds[seconds.size() * 99 / 100];
  return out;
}

std::vector<double> first_bytes(const World& world) {
  std::vector<double> out;
  for (const auto& outcome : world.outcomes) {
    EXPECT_EQ(outcome.status, 200);
    out.push_back(seconds(outcome.first_byte));
  }
  return out;
}

Script call_at(Duration start) { return {.body = World::body(true), .start = start}; }

TEST(LatencySimulation, with_one_slow_region_of_three_first_bytes_come_44_percent_below_round_robin) {
  constexpr size_t kCalls = 1200;
  constexpr Duration kApart = 50ms;
  for (uint64_t seed : {1u, 2u, 3u}) {
    World ours(regions(kRegions, seed));
    std::vector<Script> scripts;
    for (size_t i = 0; i < kCalls; ++i) scripts.push_back(call_at(kApart * static_cast<int64_t>(i)));
    for (size_t region = 0; region < kRegions; ++region) {
      for (Reply& one : answers(region, kCalls, seed)) ours.upstreams.next(region, std::move(one));
    }
    ours.play(scripts);
    ours.check();
    const Figures chosen = figures(first_bytes(ours));

    // The same calls and the same regions, each region asked in its turn.
    std::vector<double> in_turn;
    for (size_t region = 0; region < kRegions; ++region) {
      World one(regions(1, seed));
      for (Reply& reply : answers(region, kCalls, seed)) one.upstreams.next(0, std::move(reply));
      std::vector<Script> mine;
      for (size_t i = region; i < kCalls; i += kRegions) mine.push_back(scripts[i]);
      one.play(mine);
      for (double first : first_bytes(one)) in_turn.push_back(first);
    }
    const Figures round_robin = figures(in_turn);
    const double mean = 100 * (1 - chosen.mean / round_robin.mean);
    const double p99 = 100 * (1 - chosen.p99 / round_robin.p99);
    EXPECT_GE(mean, 44) << "seed " << seed;
    EXPECT_GE(p99, 44) << "seed " << seed;
    const std::string of = "_seed_" + std::to_string(seed);
    RecordProperty("mean_ms" + of, static_cast<int>(1000 * chosen.mean));
    RecordProperty("mean_ms_round_robin" + of, static_cast<int>(1000 * round_robin.mean));
    RecordProperty("p99_ms" + of, static_cast<int>(1000 * chosen.p99));
    RecordProperty("p99_ms_round_robin" + of, static_cast<int>(1000 * round_robin.p99));
  }
}

// Where no answer streams, the first byte that comes with the end is all that tells of a region.
TEST(LatencySimulation, calls_that_do_not_stream_leave_a_slow_region_too) {
  World world(regions(2, 5));
  for (size_t region = 0; region < 2; ++region) {
    Reply reply = Reply::json(200, R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn"})");
    reply.acts.front().after = region == kSlow ? 800ms : 50ms;
    world.upstreams.always(region, reply);
  }
  std::vector<Script> scripts;
  for (int64_t i = 0; i < 200; ++i) scripts.push_back({.body = World::body(false), .start = 100ms * i});
  world.play(scripts);
  const auto slow = std::ranges::count_if(world.upstreams.asked, [](const Asked& one) { return one.account == kSlow; });
  EXPECT_EQ(world.upstreams.asked.size(), 200u);
  EXPECT_GE(slow, 1);  // nobody knew
  EXPECT_LE(slow, 5);
  world.check();
}

TEST(LatencySimulation, a_region_that_cannot_be_reached_costs_no_call_and_is_left_alone) {
  World world(regions(2, 4));
  world.upstreams.always(0, after(10ms));
  world.upstreams.always(1, after(10ms));
  world.dialers[1]->refuse = true;
  std::vector<Script> scripts;
  for (int i = 0; i < 60; ++i) scripts.push_back(call_at(100ms * i));
  for (const Seen& seen : world.play(scripts)) EXPECT_EQ(seen.status, 200);
  world.check();
  size_t twice = 0;
  for (const auto& outcome : world.outcomes) twice += outcome.attempts.size() == 2;
  EXPECT_GE(twice, 1u);
  EXPECT_LE(twice, 5u) << "five failures in a row eject it";
  EXPECT_EQ(world.accounts().states(world.clock.now())[0].failures, 0u) << "the account is well";
}

TEST(LatencySimulation, a_region_whose_server_fails_sends_the_call_to_the_other) {
  World world(regions(2, 5));
  world.upstreams.always(0, Reply::json(500, R"({"type":"error","error":{"type":"api_error","message":"x"}})"));
  world.upstreams.always(1, after(10ms));
  std::vector<Script> scripts;
  for (int i = 0; i < 40; ++i) scripts.push_back(call_at(100ms * i));
  for (const Seen& seen : world.play(scripts)) EXPECT_EQ(seen.status, 200);
  world.check();
}

TEST(LatencySimulation, a_first_byte_that_our_own_stall_delayed_says_nothing_of_a_region) {
  World world(regions(2, 6));
  for (size_t region : {0u, 1u}) world.upstreams.always(region, after(300ms));
  std::vector<Script> scripts;
  for (int i = 0; i < 20; ++i) scripts.push_back(call_at(400ms * i));
  bool stalled = false;
  world.on_turn = [&] {
    if (stalled || world.upstreams.asked.size() < 12) return;
    stalled = true;
    world.loop().post([&] { world.clock.advance(20s); });
  };
  world.play(scripts);
  ASSERT_TRUE(stalled);
  Duration longest{0};
  for (const auto& outcome : world.outcomes) longest = std::max(longest, outcome.attempts.at(0).first_byte);
  EXPECT_GE(longest, 20s) << "it was measured";
  for (const auto& one : world.accounts().endpoints().states(0, world.clock.now())) {
    ASSERT_TRUE(one.first_byte);
    EXPECT_LE(*one.first_byte, 400ms);
  }
}

TEST(LatencySimulation, calls_beyond_an_endpoints_limit_wait_and_all_are_served) {
  WorldOptions options = regions(1, 7);
  options.pool.queue.max_wait = 30s;
  options.pool.concurrency = {.adaptive = true, .initial = 3, .least = 2, .most = 3};
  World world(std::move(options));
  world.upstreams.always(0, after(200ms));
  size_t most = 0;
  world.on_turn = [&] { most = std::max(most, world.upstreams.playing()); };
  std::vector<Script> scripts(30, call_at(0ms));
  for (const Seen& seen : world.play(scripts)) EXPECT_EQ(seen.status, 200);
  world.check();
  EXPECT_EQ(most, 3u);
}

}  // namespace
}  // namespace baton::simulation
