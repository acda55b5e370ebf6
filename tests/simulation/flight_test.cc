// Calls in flight that share one upstream call, on virtual time: what each reader gets, what the upstream is asked,
// who comes and goes, and what is left afterwards.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::CacheUse;
using model::Ending;

WorldOptions sharing(uint64_t seed = 1, reuse::Config config = {}) {
  WorldOptions options;
  options.seed = seed;
  options.scripted = true;
  options.cache = config;
  return options;
}

Script call(bool stream, Duration start = {}, std::string fields = "baton-cache: on\r\n") {
  return {.fields = std::move(fields), .body = World::body(stream), .start = start};
}

std::vector<std::string> long_message(size_t deltas, size_t bytes_each) {
  auto pieces = short_message("Hello");
  const std::string delta =
      event("content_block_delta", R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
                                       std::string(bytes_each, 'x') + "\"}}");
  pieces.insert(pieces.begin() + 4, deltas, delta);
  return pieces;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const auto& piece : pieces) all += piece;
  return all;
}

Reply message(std::string_view text) {
  return Reply::json(200, R"({"type":"message","content":[{"type":"text","text":")" + std::string(text) +
                              R"("}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":1}})");
}

size_t count(const World& world, CacheUse use) {
  return static_cast<size_t>(std::ranges::count(world.outcomes, use, &model::Outcome::cache));
}
int64_t booked_input(const World& world) {
  int64_t sum = 0;
  for (const auto& outcome : world.outcomes) sum += outcome.reused ? 0 : outcome.usage.input_tokens;
  return sum;
}

void check(World& world) {
  world.check();
  EXPECT_EQ(world.flights().size(), 0u);
  EXPECT_EQ(world.flights().bytes().taken(), 0u);
  EXPECT_EQ(world.metric("baton_flights"), 0);
  EXPECT_EQ(world.metric("baton_flight_readers"), 0);
}

class FlightSimulation : public testing::TestWithParam<bool> {};  // streamed or not
INSTANTIATE_TEST_SUITE_P(Kinds, FlightSimulation, testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "streamed" : "unstreamed"; });

TEST_P(FlightSimulation, who_asks_meanwhile_reads_along_and_pays_nothing) {
  World world(sharing());
  Reply reply = GetParam() ? Reply::stream(short_message("Hello", 7, 1), 100ms) : message("Hello");
  if (!GetParam()) reply.acts[0].after = 500ms;
  world.upstreams.next(0, reply);
  const auto seen = world.play({call(GetParam()), call(GetParam(), 50ms), call(GetParam(), 350ms)});
  ASSERT_EQ(world.upstreams.asked.size(), 1u);
  for (const Seen& one : seen) {
    EXPECT_EQ(one.status, 200);
    EXPECT_TRUE(one.complete);
    EXPECT_EQ(one.body, seen[0].body);
    EXPECT_FALSE(one.field("request-id").empty() && GetParam());
  }
  EXPECT_EQ(seen[0].field("baton-cache"), "miss");
  EXPECT_EQ(seen[1].field("baton-cache"), "coalesced");
  EXPECT_EQ(seen[2].field("baton-cache"), "coalesced");
  EXPECT_NE(seen[1].field("baton-request-id"), seen[0].field("baton-request-id"));
  EXPECT_EQ(count(world, CacheUse::kCoalesced), 2u);
  EXPECT_EQ(booked_input(world), 7);
  EXPECT_EQ(world.metric("baton_cache_calls_total{result=\"coalesced\"}"), 2);
  EXPECT_EQ(world.play(call(GetParam())).field("baton-cache"), "hit") << "and it was kept";
  check(world);
}

TEST_P(FlightSimulation, the_calls_maker_may_leave) {
  World world(sharing());
  Reply reply = GetParam() ? Reply::stream(short_message("Hello", 7, 1), 100ms) : message("Hello");
  if (!GetParam()) reply.acts[0].after = 500ms;
  world.upstreams.next(0, reply);
  Script maker = call(GetParam());
  maker.leave_after = 250ms;
  const auto seen = world.play({maker, call(GetParam(), 50ms)});
  EXPECT_TRUE(seen[0].left);
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  EXPECT_TRUE(world.upstreams.left.empty());
  EXPECT_TRUE(seen[1].complete);
  if (GetParam()) EXPECT_EQ(seen[1].body, joined(short_message("Hello", 7, 1)));
  ASSERT_EQ(world.outcomes.size(), 2u);
  EXPECT_EQ(booked_input(world), 7) << "by the one who made the call";
  for (const auto& outcome : world.outcomes)
    EXPECT_EQ(outcome.ending, outcome.cache == CacheUse::kMiss ? Ending::kClientGone : Ending::kComplete);
  check(world);
}

TEST_P(FlightSimulation, when_all_have_left_the_upstream_is_left) {
  World world(sharing());
  Reply reply = GetParam() ? Reply::stream(short_message(), 1s) : message("Hello");
  if (!GetParam()) reply.acts[0].after = 5s;
  world.upstreams.next(0, reply);
  Script one = call(GetParam()), two = call(GetParam(), 50ms);
  one.leave_after = 1500ms;
  two.leave_after = 2500ms;
  world.play({one, two});
  ASSERT_EQ(world.upstreams.left.size(), 1u);
  ASSERT_TRUE(world.settle_time);
  EXPECT_LT(*world.settle_time, 100ms);
  check(world);
}

TEST_P(FlightSimulation, a_failure_before_the_first_byte_is_tried_again_by_a_reader) {
  WorldOptions options = sharing();
  options.attempts_max = 1;
  World world(std::move(options));
  Reply failure = Reply::json(500, R"({"type":"error","error":{"type":"api_error","message":"no"}})");
  failure.acts[0].after = 200ms;
  world.upstreams.next(0, failure);
  world.upstreams.next(0, GetParam() ? Reply::stream(short_message(), 50ms) : message("Hello"));
  const auto seen = world.play({call(GetParam()), call(GetParam(), 50ms), call(GetParam(), 60ms)});
  EXPECT_EQ(seen[0].status, 500) << "its own failure is its own";
  EXPECT_EQ(seen[1].status, 200);
  EXPECT_EQ(seen[2].status, 200);
  EXPECT_EQ(seen[1].body, seen[2].body);
  EXPECT_EQ(world.upstreams.asked.size(), 2u);
  EXPECT_EQ(count(world, CacheUse::kCoalesced), 1u);
  EXPECT_EQ(world.metric("baton_flight_promotions_total"), 1);
  check(world);
}

TEST_P(FlightSimulation, an_upstream_that_always_fails_is_not_asked_by_everyone) {
  WorldOptions options = sharing();
  options.attempts_max = 1;
  World world(std::move(options));
  Reply failure = Reply::json(500, R"({"type":"error","error":{"type":"api_error","message":"no"}})");
  failure.acts[0].after = 200ms;
  world.upstreams.always(0, failure);
  const auto seen = world.play(std::vector<Script>(50, call(GetParam())));
  for (const Seen& one : seen) EXPECT_EQ(one.status, 500);
  EXPECT_EQ(world.upstreams.asked.size(), 1u + reuse::kPromotionsMax);
  check(world);
}

TEST_P(FlightSimulation, a_refusal_of_the_question_is_everybodys) {
  World world(sharing());
  Reply refusal = Reply::json(400, R"({"type":"error","error":{"type":"invalid_request_error","message":"no"}})");
  refusal.acts[0].after = 200ms;
  world.upstreams.next(0, refusal);
  const auto seen = world.play(std::vector<Script>(5, call(GetParam())));
  for (const Seen& one : seen) {
    EXPECT_EQ(one.status, 400);
    EXPECT_EQ(one.body, seen[0].body);
  }
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  check(world);
}

TEST(FlightSimulation2, a_cut_behind_the_first_byte_ends_all_alike) {
  World world(sharing());
  world.upstreams.next(0, Reply::stream(short_message(), 100ms).cut(900, Act::What::kReset));
  const auto seen = world.play({call(true), call(true, 50ms), call(true, 450ms)});
  ASSERT_EQ(world.upstreams.asked.size(), 1u);
  for (const Seen& one : seen) {
    EXPECT_TRUE(one.complete);
    const Comparison compared = compare(one.body, joined(short_message()));
    EXPECT_TRUE(compared.fits) << one.body;
    EXPECT_TRUE(compared.error_event);
  }
  for (const auto& outcome : world.outcomes) EXPECT_EQ(outcome.ending, Ending::kUpstreamCut);
  EXPECT_EQ(world.metric("baton_cache_entries"), 0);
  check(world);
}

TEST(FlightSimulation2, a_tenant_shares_with_itself_only) {
  WorldOptions options = sharing();
  options.auth.clients = {{.name = "ann", .key = Secret("ann-key-0123456789")},
                          {.name = "bob", .key = Secret("bob-key-0123456789")}};
  World world(std::move(options));
  world.upstreams.always(0, Reply::stream(short_message(), 100ms));
  auto by = [](std::string_view key, Duration start) {
    Script script = call(true, start,
                         "baton-cache: on\r\nhost: relay\r\ncontent-type: application/json\r\n"
                         "anthropic-version: 2023-06-01\r\nx-api-key: " +
                             std::string(key) + "\r\n");
    script.default_fields = false;
    return script;
  };
  const auto seen = world.play({by("ann-key-0123456789", 0ms), by("bob-key-0123456789", 20ms),
                                by("ann-key-0123456789", 40ms), by("bob-key-0123456789", 60ms)});
  EXPECT_EQ(world.upstreams.asked.size(), 2u);
  EXPECT_EQ(seen[0].field("baton-cache"), "miss");
  EXPECT_EQ(seen[1].field("baton-cache"), "miss");
  EXPECT_EQ(seen[2].field("baton-cache"), "coalesced");
  EXPECT_EQ(seen[3].field("baton-cache"), "coalesced");
  check(world);
}

TEST(FlightSimulation2, a_reader_that_is_too_slow_falls_off_and_the_others_do_not_wait) {
  WorldOptions options = sharing(3, {.flight_bytes_max = 256 * kKiB});
  options.client_weather.window_bytes = 8 * kKiB;
  World world(std::move(options));
  const auto pieces = long_message(800, 2000);
  world.upstreams.next(0, Reply::stream(pieces, 5ms));
  Script slow = call(true, 20ms);
  slow.read_pause = 300ms;
  slow.read_bytes = 1000;
  const auto seen = world.play({call(true), slow, call(true, 30ms)});
  EXPECT_EQ(seen[0].body, joined(pieces));
  EXPECT_EQ(seen[2].body, joined(pieces));
  EXPECT_LT(seen[0].total, 10s);
  const Comparison compared = compare(seen[1].body, joined(pieces));
  EXPECT_TRUE(compared.fits);
  EXPECT_TRUE(compared.error_event);
  EXPECT_LT(compared.forwarded_bytes, joined(pieces).size());
  EXPECT_EQ(world.metric("baton_flight_losses_total"), 1);
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  check(world);
}

TEST(FlightSimulation2, alone_a_slow_reader_is_waited_for) {
  WorldOptions options = sharing(4, {.flight_bytes_max = 256 * kKiB});
  options.client_weather.window_bytes = 8 * kKiB;
  World world(std::move(options));
  const auto pieces = long_message(400, 2000);
  world.upstreams.next(0, Reply::stream(pieces));
  Script slow = call(true);
  slow.read_pause = 20ms;
  const Seen seen = world.play(slow);
  EXPECT_EQ(seen.body, joined(pieces));
  EXPECT_LE(world.peak_reply_bytes, 256 * kKiB + 2 * kMiB);
  check(world);
}

TEST(FlightSimulation2, a_drain_waits_for_the_call_and_a_cut_ends_it) {
  World world(sharing());
  world.upstreams.next(0, Reply::stream(short_message(), 1s));
  Script maker = call(true);
  maker.leave_after = 1500ms;
  bool drained = false, cut = false;
  Instant began = world.clock.now();
  world.on_turn = [&] {
    const Duration since = world.clock.now() - began;
    if (since > 2s && !drained) {
      drained = true;
      world.server().drain();
      EXPECT_EQ(world.server().busy(), 2u) << "the call's owner stays though its client has gone";
    }
    if (since > 4s && !cut) {
      cut = true;
      world.server().cut();
    }
  };
  const auto seen = world.play({maker, call(true, 50ms)});
  EXPECT_TRUE(cut);
  EXPECT_TRUE(compare(seen[1].body, joined(short_message())).error_event) << seen[1].body;
  EXPECT_EQ(world.upstreams.left.size(), 1u);
  world.on_turn = {};
  check(world);
}

TEST(FlightSimulation2, silence_is_bridged_for_every_reader) {
  WorldOptions options = sharing();
  options.stream.ping_after = 10s;
  World world(std::move(options));
  auto reply = Reply::stream(short_message(), 100ms);
  reply.acts[reply.acts.size() - 3].after = 25s;
  world.upstreams.next(0, reply);
  const auto seen = world.play({call(true), call(true, 50ms)});
  for (const Seen& one : seen) {
    const Comparison compared = compare(one.body, joined(short_message()));
    EXPECT_TRUE(compared.fits);
    EXPECT_TRUE(compared.pings_stand_between_events);
    EXPECT_EQ(compared.pings, 2u) << "of ours";
  }
  check(world);
}

// The bar: ten thousand on one stream, coming and going at random.
TEST(FlightSimulation2, ten_thousand_readers_come_and_go) {
  WorldOptions options = sharing(11);
  options.edge.connections_max = 20'000;
  options.client_weather.piece_bytes_max = 64 * kKiB;
  World world(std::move(options));
  const auto pieces = long_message(10, 400);
  world.upstreams.next(0, Reply::stream(pieces, 200ms));
  runtime::Random random(77);
  std::vector<Script> scripts;
  for (int i = 0; i < 10'000; ++i) {
    Script one = call(true, std::chrono::microseconds(random.below(2'500'000)));
    one.read_bytes = 64 * kKiB;
    if (i == 0) one.start = {};
    if (i == 0) one.leave_after = 700ms;
    if (i != 0 && random.chance(0.3)) one.leave_after = one.start + std::chrono::microseconds(random.below(1'500'000));
    scripts.push_back(std::move(one));
  }
  const auto seen = world.play(scripts);
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  EXPECT_TRUE(world.upstreams.left.empty());
  const std::string want = joined(pieces);
  size_t survivors = 0;
  for (const Seen& one : seen) {
    if (one.left) continue;
    ++survivors;
    ASSERT_TRUE(one.complete);
    ASSERT_EQ(one.body, want);
  }
  EXPECT_GT(survivors, 6'000u);
  EXPECT_EQ(world.outcomes.size(), 10'000u);
  EXPECT_EQ(booked_input(world), 12);
  EXPECT_LE(world.peak_reply_bytes, 256 * kKiB);
  check(world);
}

}  // namespace
}  // namespace baton::simulation
