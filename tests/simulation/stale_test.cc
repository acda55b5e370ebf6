// Answers beyond their time, through the whole relay on virtual time: who gets them, what is asked anew beside them,
// and that it is booked.
#include <gtest/gtest.h>

#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::CacheUse;

WorldOptions aging(reuse::Config cache = {.ttl = 100s, .stale_max = 1000s}) {
  WorldOptions options;
  options.scripted = true;
  options.cache = cache;
  options.attempts_max = 1;
  return options;
}

Script ask(bool stream, std::string_view control = "", Duration start = {}) {
  Script script{.fields = "baton-cache: on\r\n", .body = World::body(stream)};
  if (!control.empty()) script.fields += "cache-control: " + std::string(control) + "\r\n";
  script.start = start;
  return script;
}

Reply answer(bool stream, std::string_view text) {
  if (stream) return Reply::stream(short_message(text));
  return Reply::json(200, R"({"type":"message","model":"claude-sonnet-5-5","content":[{"type":"text","text":")" +
                              std::string(text) +
                              R"("}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":5}})");
}

// Of a stream its deltas together.
bool says(const Seen& seen, std::string_view text) {
  constexpr std::string_view kText = "\"text\":\"";
  std::string said;
  for (size_t at = seen.body.find(kText); at != seen.body.npos; at = seen.body.find(kText, at + 1)) {
    const size_t begin = at + kText.size();
    said.append(seen.body, begin, seen.body.find('"', begin) - begin);
  }
  return said == text;
}

class Stale : public testing::TestWithParam<bool> {};  // streamed or not
INSTANTIATE_TEST_SUITE_P(Kinds, Stale, testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "streamed" : "unstreamed"; });

TEST_P(Stale, while_it_is_asked_anew_beside_the_call_and_the_new_answer_is_the_next_one) {
  ledger::Budgets budgets({}, std::make_shared<ledger::PriceTable>());
  WorldOptions options = aging();
  options.budgets = &budgets;
  World world(std::move(options));
  world.upstreams.next(0, answer(GetParam(), "first"));
  world.upstreams.next(0, answer(GetParam(), "second"));
  EXPECT_TRUE(says(world.play(ask(GetParam())), "first"));
  const Seen stale = world.play(ask(GetParam(), "stale-while-revalidate=60", 120s));
  EXPECT_EQ(stale.status, 200);
  EXPECT_EQ(stale.field("baton-cache"), "stale");
  EXPECT_GE(std::stoi(stale.field("baton-cache-age")), 119);
  EXPECT_NE(stale.field("baton-cache-saved"), "");
  EXPECT_TRUE(says(stale, "first"));
  const Seen next = world.play(ask(GetParam()));
  EXPECT_EQ(next.field("baton-cache"), "hit");
  EXPECT_TRUE(says(next, "second"));
  // Three calls of the client and one of the relay's own, which is booked to the client like any other.
  ASSERT_EQ(world.outcomes.size(), 4u);
  size_t refreshed = 0;
  for (const auto& outcome : world.outcomes) {
    if (outcome.cache != CacheUse::kRefresh) continue;
    ++refreshed;
    EXPECT_EQ(outcome.client, "local");
    EXPECT_EQ(outcome.status, 200);
    EXPECT_EQ(outcome.attempts.size(), 1u);
    EXPECT_TRUE(outcome.usage.known);
    EXPECT_FALSE(outcome.reused);
  }
  EXPECT_EQ(refreshed, 1u);
  EXPECT_EQ(world.upstreams.asked.size(), 2u);
  EXPECT_EQ(world.metric("baton_cache_calls_total{result=\"stale\"}"), 1);
  EXPECT_EQ(world.metric("baton_cache_calls_total{result=\"refresh\"}"), 1);
  EXPECT_EQ(world.metric("baton_cache_refreshes"), 0);
  EXPECT_GT(world.metric("baton_saved_dollars_total{by=\"stale\"}").value_or(0), 0);
  world.check();
}

TEST_P(Stale, many_at_once_ask_anew_once_and_a_failure_not_again_at_once) {
  World world(aging());
  world.upstreams.next(0, answer(GetParam(), "first"));
  world.upstreams.next(0, Reply::json(500, R"({"type":"error","error":{"type":"api_error","message":"x"}})"));
  world.upstreams.next(0, answer(GetParam(), "third"));
  world.play(ask(GetParam()));
  std::vector<Script> many(20, ask(GetParam(), "stale-while-revalidate=600", 120s));
  for (const Seen& seen : world.play(many)) EXPECT_TRUE(says(seen, "first")) << seen.body;
  EXPECT_EQ(world.upstreams.asked.size(), 2u) << "one for all";
  // Within the pause after a failure nobody asks; behind it somebody does.
  EXPECT_TRUE(says(world.play(ask(GetParam(), "stale-while-revalidate=600")), "first"));
  EXPECT_EQ(world.upstreams.asked.size(), 2u);
  EXPECT_TRUE(says(world.play(ask(GetParam(), "stale-while-revalidate=600", reuse::kRefreshPause + 1s)), "first"));
  EXPECT_EQ(world.upstreams.asked.size(), 3u);
  EXPECT_TRUE(says(world.play(ask(GetParam())), "third"));
  world.check();
}

TEST_P(Stale, in_place_of_an_error_only_for_who_allows_it) {
  for (const bool cut : {false, true}) {
    World world(aging());
    const auto fail_next = [&] {
      Reply failed = Reply::json(529, R"({"type":"error","error":{"type":"overloaded_error","message":"x"}})");
      world.upstreams.next(0, cut ? failed.cut(0, Act::What::kReset) : failed);
    };
    world.upstreams.next(0, answer(GetParam(), "first"));
    world.play(ask(GetParam()));
    fail_next();
    const Seen stale = world.play(ask(GetParam(), "stale-if-error=600", 130s));
    EXPECT_EQ(stale.status, 200) << cut << stale.body;
    EXPECT_EQ(stale.field("baton-cache"), "stale");
    EXPECT_TRUE(says(stale, "first"));
    EXPECT_EQ(world.outcomes.back().attempts.size(), 1u) << "it was tried first";
    EXPECT_TRUE(world.outcomes.back().reused);
    fail_next();
    const Seen refused = world.play(ask(GetParam()));
    EXPECT_GE(refused.status, 500);
    EXPECT_EQ(refused.field("baton-cache-age"), "");
    fail_next();
    EXPECT_GE(world.play(ask(GetParam(), "stale-if-error=5")).status, 500) << "too stale";
    // A request that is wrong is wrong.
    world.upstreams.next(
        0, Reply::json(400, R"({"type":"error","error":{"type":"invalid_request_error","message":"x"}})"));
    EXPECT_EQ(world.play(ask(GetParam(), "stale-if-error=600")).status, 400);
    world.check();
  }
}

TEST_P(Stale, max_stale_takes_it_as_it_is) {
  World world(aging());
  world.upstreams.next(0, answer(GetParam(), "first"));
  world.play(ask(GetParam()));
  EXPECT_EQ(world.play(ask(GetParam(), "max-stale=60", 120s)).field("baton-cache"), "stale");
  EXPECT_EQ(world.play(ask(GetParam(), "max-age=10, max-stale=500")).field("baton-cache"), "stale");
  EXPECT_EQ(world.play(ask(GetParam(), "max-stale")).field("baton-cache"), "stale");
  EXPECT_EQ(world.upstreams.asked.size(), 1u) << "nothing is asked anew";
  world.upstreams.next(0, answer(GetParam(), "second"));
  EXPECT_EQ(world.play(ask(GetParam(), "max-stale=5")).field("baton-cache"), "miss");
  world.check();
}

TEST_P(Stale, the_operator_allows_it_for_those_who_do_not_say_and_not_for_longer_than_it_is_held) {
  World world(aging({.ttl = 100s, .stale_max = 50s, .stale = {.while_revalidate = 40s}}));
  world.upstreams.next(0, answer(GetParam(), "first"));
  world.upstreams.next(0, answer(GetParam(), "second"));
  world.upstreams.next(0, answer(GetParam(), "third"));
  world.play(ask(GetParam()));
  EXPECT_EQ(world.play(ask(GetParam(), "stale-while-revalidate=0", 105s)).field("baton-cache"), "miss");
  EXPECT_EQ(world.play(ask(GetParam(), "", 110s)).field("baton-cache"), "stale");
  EXPECT_TRUE(says(world.play(ask(GetParam())), "third"));
  world.upstreams.next(0, answer(GetParam(), "fourth"));
  EXPECT_EQ(world.play(ask(GetParam(), "max-stale", 151s)).field("baton-cache"), "miss") << "not held any more";
  world.check();
}

TEST(StaleOnce, no_more_are_asked_anew_at_once_than_may_be_and_the_relay_ends_with_them_under_way) {
  World world(aging());
  const size_t questions = reuse::kRefreshesMax + 8;
  const auto about = [&](size_t i, std::string_view control, Duration start) {
    Script script = ask(false, control, start);
    script.body = World::body(false, "question " + std::to_string(i));
    return script;
  };
  for (size_t i = 0; i < questions; ++i) {
    world.upstreams.next(0, answer(false, "a"));
    world.play(about(i, "", {}));
  }
  std::vector<Script> scripts;
  for (size_t i = 0; i < questions; ++i) {
    world.upstreams.next(0, answer(false, "b").cut(10, Act::What::kStall));
    scripts.push_back(about(i, "stale-while-revalidate=900", 120s));
  }
  bool looked = false;
  world.on_turn = [&] {
    const auto now = world.metric("baton_cache_refreshes").value_or(0);
    EXPECT_LE(now, reuse::kRefreshesMax);
    looked = looked || now == reuse::kRefreshesMax;
  };
  world.play(scripts);
  EXPECT_TRUE(looked);
  EXPECT_EQ(world.metric("baton_cache_refreshes_skipped_total"), 8);
}

TEST_P(Stale, for_whom_a_rule_says_so) {
  WorldOptions options = aging({.ttl = 100s,
                                .stale_max = 50s,
                                .stale_rules = {{.models = {"claude-opus*"}, .stale = {.while_revalidate = 50s}},
                                                {.clients = {"local"}, .stale = {.if_error = 40s}}}});
  World world(std::move(options));
  world.upstreams.next(0, answer(GetParam(), "first"));
  world.play(ask(GetParam()));
  // The second rule allows nothing but in place of an error, and the configuration's own is not asked.
  world.upstreams.next(0, Reply::json(529, R"({"type":"error","error":{"type":"overloaded_error","message":"x"}})"));
  EXPECT_EQ(world.play(ask(GetParam(), "", 110s)).field("baton-cache"), "stale");
  EXPECT_EQ(world.upstreams.asked.size(), 2u);
  // What the caller says goes first.
  world.upstreams.next(0, Reply::json(529, R"({"type":"error","error":{"type":"overloaded_error","message":"x"}})"));
  EXPECT_EQ(world.play(ask(GetParam(), "stale-if-error=0")).status, 529);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
