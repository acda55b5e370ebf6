// Relays that share their replies in Redis, through the whole relay on virtual time: one world after the other, with
// what lies in Redis between them.
#include <gtest/gtest.h>

#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::CacheUse;

constexpr Duration kReady = 200ms;  // until a relay has found its Redis

class Shared : public testing::TestWithParam<bool> {  // streamed or not
 public:
  WorldOptions relay() {
    WorldOptions options;
    options.scripted = true;
    options.cache = reuse::Config{.ttl = 100s, .stale_max = 100s};
    options.attempts_max = 1;
    options.redis = &data;
    return options;
  }
  static Script ask(Duration start = kReady, std::string_view more = "", bool stream = GetParam()) {
    Script script{.fields = "baton-cache: on\r\n" + std::string(more), .body = World::body(stream, "the question")};
    script.start = start;
    return script;
  }
  static Reply answer(std::string_view text = "the answer") {
    if (GetParam()) return Reply::stream(short_message(text));
    return Reply::json(200, R"({"type":"message","model":"claude-sonnet-5-5","content":[{"type":"text","text":")" +
                                std::string(text) +
                                R"("}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":5}})");
  }
  // One relay pays for the answer, and ends.
  void pay() {
    World world(relay());
    world.upstreams.next(0, answer());
    EXPECT_EQ(world.play(ask()).field("baton-cache"), "miss");
    EXPECT_EQ(world.play(ask()).field("baton-cache"), "hit");
    EXPECT_EQ(world.metric("baton_cache_redis_stores_total"), 1);
    world.check();
  }
  RedisData data;
};
INSTANTIATE_TEST_SUITE_P(Kinds, Shared, testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "streamed" : "unstreamed"; });

TEST_P(Shared, what_one_has_paid_for_the_other_hits_in_either_form_and_then_in_its_memory) {
  pay();
  World world(relay());
  const Seen first = world.play(ask());
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.field("baton-cache"), "hit");
  EXPECT_NE(first.body.find(GetParam() ? "message_stop" : "the answer"), first.body.npos);
  const Seen other_form = world.play(ask({}, "", !GetParam()));
  EXPECT_EQ(other_form.field("baton-cache"), "hit");
  EXPECT_EQ(world.upstreams.asked.size(), 0u);
  EXPECT_EQ(world.metric("baton_cache_redis_lookups_total{result=\"hit\"}"), 1);
  EXPECT_GT(world.outcomes[0].usage.output_tokens, 0);
  EXPECT_TRUE(world.outcomes[0].reused);
  world.check();
}

TEST_P(Shared, nothing_of_another_tenant_or_another_secret_is_found) {
  pay();
  WorldOptions strangers = relay();
  strangers.shared.secret = Secret("another secret of 32 characters..");
  World world(std::move(strangers));
  world.upstreams.next(0, answer("their own"));
  EXPECT_EQ(world.play(ask()).field("baton-cache"), "miss");
  world.check();
}

TEST_P(Shared, nor_one_that_is_too_old_for_the_caller_or_that_must_not_be_looked_for) {
  pay();
  for (const char* more :
       {"cache-control: max-age=1\r\n", "cache-control: no-cache\r\n", "cache-control: no-store\r\n"}) {
    World world(relay());
    world.clock.advance(3s);
    world.upstreams.always(0, answer("another"));
    const Seen seen = world.play(ask(kReady, more));
    EXPECT_NE(seen.field("baton-cache"), "hit") << more;
    EXPECT_EQ(world.upstreams.asked.size(), 1u) << more;
    world.check();
  }
}

TEST_P(Shared, a_redis_that_stands_still_costs_a_moment_and_then_nothing) {
  World world(relay());
  world.upstreams.always(0, answer());
  world.play(ask());
  world.redis().still = true;
  std::vector<Duration> times;
  for (int i = 0; i < 10; ++i) {
    Script script = ask({});
    script.body = World::body(GetParam(), "question " + std::to_string(i));
    const Seen seen = world.play(script);
    EXPECT_EQ(seen.status, 200);
    times.push_back(seen.first_byte);
  }
  EXPECT_EQ(world.upstreams.asked.size(), 11u);
  EXPECT_LT(times[0], 10ms) << "a look-up and a turn, 2 ms each";
  EXPECT_LT(times[9], 1ms) << "the breaker is open";
  EXPECT_EQ(world.metric("baton_cache_redis_connections"), 0);
  EXPECT_GE(world.metric("baton_cache_redis_failures_total{kind=\"timeout\"}"), 5);
  world.check();
}

TEST_P(Shared, damage_and_nonsense_are_misses) {
  pay();
  for (auto& [name, text] : data.texts) {
    if (name.find("reply:") != name.npos) text.value[20] = static_cast<char>(text.value[20] ^ 1);
  }
  {
    World world(relay());
    world.upstreams.next(0, answer());
    EXPECT_EQ(world.play(ask()).field("baton-cache"), "miss");
    EXPECT_GE(world.metric("baton_cache_redis_lookups_total{result=\"unusable\"}"), 1);
    world.check();
  }
  World world(relay());
  world.redis().instead = [](const std::vector<std::string>& words) -> std::optional<std::string> {
    if (words[0] == "GETRANGE") return "*2\r\n:1\r\n%nonsense\r\n";
    return std::nullopt;
  };
  world.upstreams.next(0, answer());
  EXPECT_EQ(world.play(ask()).field("baton-cache"), "miss");
  world.check();
}

TEST_P(Shared, what_was_purged_elsewhere_does_not_come_back_from_redis_or_memory) {
  pay();
  World world(relay());
  EXPECT_EQ(world.play(ask()).field("baton-cache"), "hit");
  {
    // The operator of another relay.
    World other(relay());
    other.upstreams.always(0, answer("other"));
    other.purges().add({.tenant = "local"});
    Script later = ask(2s);
    later.body = World::body(GetParam(), "something else");
    other.play(later);
    EXPECT_EQ(other.metric("baton_cache_redis_purges_total{direction=\"told\"}"), 1);
  }
  world.upstreams.next(0, answer("anew"));
  const Seen after = world.play(ask(2s));
  EXPECT_EQ(after.field("baton-cache"), "miss");
  EXPECT_EQ(world.metric("baton_cache_redis_purges_total{direction=\"learnt\"}"), 1);
  EXPECT_EQ(world.play(ask({})).field("baton-cache"), "hit") << "the new one";
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  world.check();
}

TEST_P(Shared, a_purge_is_seen_at_the_next_look_into_redis) {
  pay();
  World world(relay());
  world.upstreams.next(0, answer("anew"));
  Script other = ask(kReady);
  other.body = World::body(GetParam(), "another question");
  world.upstreams.next(0, answer("anew"));
  world.play(other);
  const reuse::SharedCodec codec("a secret of thirty-two characters");
  data.lists[codec.purges_name()].push_back(codec.seal_purge({reuse::Chosen({.all = true}), world.loop().wall()}));
  auto point = *reuse::parse_point(data.texts[codec.point_name()].value);
  ++point.sequence;
  data.texts[codec.point_name()].value = reuse::point_text(point);
  EXPECT_EQ(world.play(ask({})).field("baton-cache"), "miss");
  world.check();
}

TEST_P(Shared, calls_wait_for_the_relay_that_makes_the_same_one_and_get_its_reply) {
  pay();
  // Another relay is at it, and its reply comes later.
  const auto is_reply = [](const auto& one) { return one.first.find(":reply:") != one.first.npos; };
  const auto reply = *std::ranges::find_if(data.texts, is_reply);
  data.texts.erase(reply.first);
  World world(relay());
  bool there = false;
  world.on_turn = [&] {
    if (there || world.redis_counts().waiting == 0) return;
    there = true;
    data.texts.insert(reply);
  };
  world.redis().instead = [&](const std::vector<std::string>& words) -> std::optional<std::string> {
    if (words[0] == "EVAL" && words[1] == reuse::scripts::kTakeTurn && !there) return ":0\r\n";
    return std::nullopt;
  };
  const std::vector<Seen> all = world.play(std::vector<Script>(10, ask()));
  for (const Seen& seen : all) {
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(seen.field("baton-cache"), "coalesced") << seen.head;
  }
  EXPECT_EQ(world.upstreams.asked.size(), 0u);
  EXPECT_EQ(world.metric("baton_cache_redis_waits_total{result=\"served\"}"), 1);
  EXPECT_EQ(world.metric("baton_cache_redis_waiting"), 0);
  world.check();
}

TEST_P(Shared, a_relay_that_has_died_is_waited_for_as_long_as_its_lease_and_a_slow_one_as_long_as_is_allowed) {
  for (const bool dies : {true, false}) {
    RedisData empty;
    data = empty;
    WorldOptions options = relay();
    options.shared.wait_max = 5s;
    World world(std::move(options));
    world.upstreams.next(0, answer());
    std::string held;
    world.redis().instead = [&](const std::vector<std::string>& words) -> std::optional<std::string> {
      if (words[0] != "EVAL" || words[1] != reuse::scripts::kTakeTurn || !held.empty()) {
        if (words[0] == "EVAL" && words[1] == reuse::scripts::kTakeTurn && !dies) return ":0\r\n";
        return std::nullopt;
      }
      held = words[4];
      data.texts[held] = {.value = "another's", .until = world.loop().now() + 3s};
      return ":0\r\n";
    };
    const Seen seen = world.play(ask());
    EXPECT_EQ(seen.field("baton-cache"), "miss");
    EXPECT_EQ(world.upstreams.asked.size(), 1u);
    EXPECT_GE(seen.first_byte, dies ? 3s : 5s);
    EXPECT_LT(seen.first_byte, dies ? 3500ms : 5500ms);
    EXPECT_EQ(world.metric("baton_cache_redis_waits_total{result=\"alone\"}"), 1);
    world.check();
  }
}

TEST_P(Shared, a_lease_is_renewed_while_the_call_is_made_and_given_back_behind_the_reply) {
  World world(relay());
  Reply slow = answer();
  slow.acts[0].after = 10s;
  world.upstreams.next(0, slow);
  Duration longest{0};
  world.on_turn = [&] {
    if (world.outcomes.empty() && world.redis().lease() != nullptr)
      longest = std::max(longest, world.clock.now() - Instant{1'000'000'000'000});
  };
  EXPECT_EQ(world.play(ask()).field("baton-cache"), "miss");
  EXPECT_GT(longest, 9s);
  EXPECT_EQ(world.play(ask()).field("baton-cache"), "hit");
  EXPECT_EQ(world.redis().lease(), nullptr);
  world.check();
}

TEST_P(Shared, redis_that_goes_while_a_call_waits_does_not_hold_it) {
  World world(relay());
  world.upstreams.next(0, answer());
  world.redis().instead = [&](const std::vector<std::string>& words) -> std::optional<std::string> {
    if (words[0] == "EVAL" && words[1] == reuse::scripts::kTakeTurn) return ":0\r\n";
    return std::nullopt;
  };
  world.on_turn = [&] {
    if (world.redis_counts().waiting > 0) world.redis().still = true;
  };
  const Seen seen = world.play(ask());
  EXPECT_EQ(seen.status, 200);
  EXPECT_LT(seen.first_byte, 500ms);
  world.check();
}

TEST_P(Shared, without_leave_to_coalesce_nobody_waits) {
  WorldOptions options = relay();
  options.cache->coalesce = false;
  World world(std::move(options));
  world.upstreams.next(0, answer());
  world.redis().instead = [&](const std::vector<std::string>& words) -> std::optional<std::string> {
    EXPECT_FALSE(words[0] == "EVAL" && words[1] == reuse::scripts::kTakeTurn);
    return std::nullopt;
  };
  EXPECT_EQ(world.play(ask()).field("baton-cache"), "miss");
  world.check();
}

}  // namespace
}  // namespace baton::simulation
