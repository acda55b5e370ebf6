// Hedging behind the whole relay, on virtual time: what it is worth with an account that is slow now and then, and what
// it costs.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using model::AttemptResult;
using namespace std::chrono_literals;

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})";

Reply after(Duration pause, bool stream = false) {
  Reply reply = stream ? Reply::stream(short_message()) : Reply::json(200, kMessage);
  reply.acts.front().after = pause;
  return reply;
}

WorldOptions hedged(bool enabled) {
  WorldOptions options;
  options.accounts = 4;
  options.scripted = true;
  options.pool = {};
  options.pool.hedge.enabled = enabled;
  return options;
}

Script call_at(Duration start, bool stream = false, std::string fields = "") {
  return {.fields = std::move(fields), .body = World::body(stream), .start = start};
}

// 4000 calls to four accounts that answer after 100 ms, and each after 5 s now and then: nothing tells beforehand which
// call it will be, so no choice of an account avoids it.
std::vector<Duration> times(World& world, bool stream) {
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(100ms, stream));
  runtime::Random random(11);
  for (size_t account = 0; account < 4; ++account) {
    for (int i = 0; i < 4000; ++i) world.upstreams.next(account, after(random.chance(0.02) ? 5s : 100ms, stream));
  }
  std::vector<Script> scripts;
  for (int i = 0; i < 4000; ++i) scripts.push_back(call_at(std::chrono::milliseconds(50 * i), stream));
  std::vector<Duration> out;
  for (const Seen& one : world.play(scripts)) {
    EXPECT_EQ(one.status, 200);
    EXPECT_TRUE(one.complete);
    out.push_back(one.total);
  }
  std::ranges::sort(out);
  world.check();
  return out;
}

TEST(HedgeSimulation, the_tail_of_a_slow_account_is_cut_within_the_budget) {
  for (bool stream : {false, true}) {
    World plain(hedged(false));
    const auto before = times(plain, stream);
    World world(hedged(true));
    const auto with = times(world, stream);
    const size_t p99 = with.size() * 99 / 100;
    std::printf("p99 %.0f ms without, %.0f ms with hedging; %zu attempts for %zu calls\n", seconds(before[p99]) * 1000,
                seconds(with[p99]) * 1000, world.upstreams.asked.size(), with.size());
    EXPECT_GE(before[p99], Duration(4s));
    EXPECT_LE(with[p99], Duration(500ms));
    EXPECT_EQ(plain.upstreams.asked.size(), 4000u);
    EXPECT_LE(world.upstreams.asked.size(), 4000u * 105 / 100 + 1);
    const size_t extra = world.upstreams.asked.size() - 4000;
    EXPECT_EQ(world.metric("baton_hedges_total"), extra);
    EXPECT_GE(world.metric("baton_hedges_won_total").value_or(0), 1);
  }
}

TEST(HedgeSimulation, the_loser_is_cancelled_and_booked) {
  World world(hedged(true));
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(100ms));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(world.play(call_at({})).status, 200);
  for (size_t i = 0; i < 4; ++i) world.upstreams.next(i, after(60s));
  const size_t before = world.upstreams.asked.size();
  // All four are slow once: the first attempt's second is slow as well, and the first to answer counts.
  world.upstreams.next(0, after(100ms));
  Seen seen = world.play(call_at({}));
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(world.upstreams.asked.size() - before, 2u);
  const auto& attempts = world.outcomes.back().attempts;
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].result, AttemptResult::kCancelled);
  EXPECT_TRUE(attempts[0].may_have_been_processed);
  EXPECT_EQ(attempts[1].result, AttemptResult::kOk);
  EXPECT_NE(attempts[0].account, attempts[1].account);
  EXPECT_EQ(world.upstreams.left.size(), 1u);
  world.check();
}

TEST(HedgeSimulation, what_creates_something_or_comes_in_pieces_is_never_made_twice) {
  World world(hedged(true));
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(100ms));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(world.play(call_at({})).status, 200);
  const size_t before = world.upstreams.asked.size();
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(10s));
  for (const char* path : {"/v1/messages/batches", "/v1/files"}) {
    Script script = call_at({});
    script.path = path;
    EXPECT_EQ(world.play(script).status, 200);
  }
  EXPECT_EQ(world.upstreams.asked.size() - before, 2u);
  world.check();
}

TEST(HedgeSimulation, a_client_that_leaves_ends_both) {
  World world(hedged(true));
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(100ms));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(world.play(call_at({})).status, 200);
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(60s));
  Script script = call_at({});
  script.leave_after = 5s;
  world.play(script);
  EXPECT_EQ(world.outcomes.back().attempts.size(), 2u);
  EXPECT_EQ(world.outcomes.back().ending, model::Ending::kClientGone);
  EXPECT_EQ(world.upstreams.left.size(), 2u);
  world.check();
}

TEST(HedgeSimulation, a_slow_first_answer_still_counts_when_the_second_fails) {
  World world(hedged(true));
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(100ms));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(world.play(call_at({})).status, 200);
  int first = -1;
  world.on_turn = [&] {
    // Whoever is asked first is slow; the others refuse.
    if (first >= 0 || world.upstreams.asked.size() < 41) return;
    first = static_cast<int>(world.upstreams.asked.back().account);
    for (int i = 0; i < 4; ++i)
      if (i != first) world.upstreams.always(static_cast<size_t>(i), Reply::json(529, R"({"type":"error"})"));
  };
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, after(2s));
  EXPECT_EQ(world.play(call_at({})).status, 200);
  const auto& attempts = world.outcomes.back().attempts;
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].result, AttemptResult::kOverloaded);
  EXPECT_EQ(attempts[1].result, AttemptResult::kOk);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
