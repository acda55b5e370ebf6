// Answers to the same question in other words, through the whole relay on virtual time.
#include <gtest/gtest.h>

#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::CacheUse;

// With error_max 0.2 a level is proved by so many right answers in a row.
constexpr int kProof = 21;

WorldOptions similar(std::string mode = "on", double audit_share = 0) {
  WorldOptions options;
  options.scripted = true;
  options.cache = reuse::Config{.ttl = 2h};
  options.similar = similar::Config{.rules = {{.mode = std::move(mode), .error_max = 0.2}}, .audit_share = audit_share};
  return options;
}

Reply saying(bool stream, std::string_view text) {
  if (stream) return Reply::stream(short_message(text));
  return Reply::json(200, R"({"type":"message","content":[{"type":"text","text":")" + std::string(text) +
                              R"("}],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})");
}

Script ask(bool stream, std::string_view text, std::string fields = "baton-cache: on\r\n", std::string_view more = "") {
  return {.fields = std::move(fields), .body = World::body(stream, text, more)};
}

// A word that was not used before.
std::string thing(int i) {
  return std::string("bo") + static_cast<char>('a' + i / 26) + static_cast<char>('a' + i % 26) + "k";
}
std::string question(int i) { return "How do I repair a " + thing(i) + "?"; }
std::string other_words(int i) { return "how do i repair a " + thing(i); }

class SimilarSimulation : public testing::TestWithParam<bool> {
 protected:
  bool stream() const { return GetParam(); }
  // Asks both ways so many times, from number `from`; what the second was answered from.
  void teach(World& world, int count, int from = 0) {
    for (int i = from; i < from + count; ++i) {
      world.play(ask(stream(), question(i)));
      ASSERT_EQ(world.play(ask(stream(), other_words(i))).field("baton-cache"), "miss") << i;
    }
  }
  static double results(const World& world, std::string_view result) {
    return world.metric("baton_similar_calls_total{result=\"" + std::string(result) + "\"}").value_or(0);
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, SimilarSimulation, testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "streamed" : "unstreamed"; });

TEST_P(SimilarSimulation, once_it_is_proved_the_answer_to_the_same_in_other_words_is_served_and_booked) {
  World world(similar());
  world.upstreams.always(0, saying(stream(), "Use glue."));
  teach(world, kProof);
  EXPECT_EQ(results(world, "unproved"), kProof);
  EXPECT_EQ(world.metric("baton_similar_compared_total{answer=\"same\"}"), kProof);
  const Seen first = world.play(ask(stream(), question(90)));
  EXPECT_EQ(first.field("baton-cache"), "miss");
  const size_t asked = world.upstreams.asked.size();
  const Seen served = world.play(ask(stream(), other_words(90)));
  EXPECT_EQ(served.field("baton-cache"), "similar");
  EXPECT_EQ(served.field("baton-cache-similarity"), "1.000");
  EXPECT_NE(served.field("baton-cache-age"), "");
  EXPECT_EQ(served.status, 200);
  EXPECT_EQ(served.body, first.body);
  EXPECT_EQ(world.upstreams.asked.size(), asked);
  const auto& outcome = world.outcomes.back();
  EXPECT_EQ(outcome.cache, CacheUse::kSimilar);
  EXPECT_TRUE(outcome.attempts.empty()) << "nothing was spent";
  EXPECT_EQ(outcome.usage, world.outcomes[world.outcomes.size() - 2].usage) << "what was saved";
  EXPECT_EQ(world.metric("baton_cache_calls_total{result=\"similar\"}"), 1);
  EXPECT_EQ(results(world, "served"), 1);
  world.check();
}

TEST_P(SimilarSimulation, what_differs_in_one_thing_is_asked_anew) {
  World world(similar());
  world.upstreams.always(0, saying(stream(), "Use glue."));
  teach(world, kProof);
  world.play(ask(stream(), "How do I repair 3 old chairs with glue?"));
  for (std::string_view near :
       {"how do i repair 4 old chairs with glue?", "how do i repair 3 old tables with glue?",
        "how do i repair 3 new chairs with glue?", "how do i not repair 3 old chairs with glue?",
        "how did i repair 3 old chairs with glue?"}) {
    EXPECT_EQ(world.play(ask(stream(), near)).field("baton-cache"), "miss") << near;
  }
  EXPECT_EQ(results(world, "served"), 0);
  EXPECT_GE(results(world, "guarded"), 5);
  for (const char* guard : {"number", "entity", "polarity", "negation", "tense"})
    EXPECT_GE(world.metric("baton_similar_guards_total{guard=\"" + std::string(guard) + "\"}").value_or(0), 1) << guard;
  EXPECT_EQ(world.play(ask(stream(), "How do I repair 3 old chairs with glue")).field("baton-cache"), "similar");
  world.check();
}

TEST_P(SimilarSimulation, what_the_rest_of_the_call_says_must_be_the_same) {
  WorldOptions options = similar();
  options.auth.clients = {{.name = "a", .key = Secret("key-of-client-a-0123")},
                          {.name = "b", .key = Secret("key-of-client-b-0123")}};
  World world(std::move(options));
  world.upstreams.always(0, saying(stream(), "Use glue."));
  const auto as = [&](char client, std::string_view text, std::string_view more = "", std::string_view wish = "on") {
    Script script = ask(stream(), text, "", more);
    script.default_fields = false;
    script.fields =
        "host: localhost\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nbaton-cache: " +
        std::string(wish) + "\r\nx-api-key: key-of-client-" + client + "-0123\r\n";
    return world.play(script).field("baton-cache");
  };
  for (int i = 0; i < kProof; ++i) {
    as('a', question(i));
    as('a', other_words(i));
  }
  as('a', question(90));
  EXPECT_EQ(as('b', other_words(90)), "miss") << "another tenant";
  for (std::string_view more : {R"(,"system":"be brief")", R"(,"temperature":0.5)", R"(,"stop_sequences":["x"])",
                                R"(,"tools":[{"name":"t","input_schema":{"type":"object"}}])",
                                R"(,"thinking":{"type":"enabled","budget_tokens":1024})", R"(,"safeguards":{})"}) {
    EXPECT_EQ(as('a', other_words(90), more), "miss") << more;
  }
  EXPECT_GE(results(world, "unfit"), 3) << "tools, thinking, safeguards";
  EXPECT_EQ(as('a', other_words(90), "", "off"), "off");
  EXPECT_EQ(as('a', "How do I repair a " + thing(90), "", "exact"), "miss");
  EXPECT_EQ(results(world, "served"), 0);
  EXPECT_EQ(as('a', "how do I repair a " + thing(90) + "!"), "similar");
  world.check();
}

TEST_P(SimilarSimulation, temperature_zero_alone_is_no_leave_for_another_answer) {
  World world(similar());
  world.upstreams.always(0, saying(stream(), "Use glue."));
  const auto zero = [&](std::string_view text) {
    return world.play(ask(stream(), text, "", ",\"temperature\":0")).field("baton-cache");
  };
  for (int i = 0; i < kProof + 2; ++i) {
    EXPECT_EQ(zero(question(i)), "miss");
    EXPECT_EQ(zero(other_words(i)), "miss");
  }
  EXPECT_EQ(zero(question(0)), "hit");
  EXPECT_EQ(world.similar().totals().entries, 0u);
  world.check();
}

TEST_P(SimilarSimulation, shadow_only_reports) {
  World world(similar("shadow"));
  world.upstreams.always(0, saying(stream(), "Use glue."));
  teach(world, kProof + 10);
  EXPECT_EQ(results(world, "unproved"), kProof);
  EXPECT_EQ(results(world, "shadow"), 10);
  EXPECT_EQ(results(world, "served"), 0);
  EXPECT_EQ(world.similar().totals().audited, 10u);
  EXPECT_LT(world.similar().totals().error_bound, 0.5);
  world.check();
}

TEST_P(SimilarSimulation, an_audit_asks_the_upstream_in_place_of_serving) {
  World world(similar("on", 1.0));
  world.upstreams.always(0, saying(stream(), "Use glue."));
  teach(world, kProof + 5);
  EXPECT_EQ(results(world, "audited"), 5);
  EXPECT_EQ(results(world, "served"), 0);
  world.check();
}

TEST_P(SimilarSimulation, wrong_answers_turn_a_scope_off_and_it_learns_anew) {
  World world(similar("on", 1.0));
  world.upstreams.always(0, saying(stream(), "Use glue."));
  teach(world, kProof + 60);  // so much that a few wrong ones alone do not disprove it
  int i = 150;
  for (; i < 160 && world.metric("baton_similar_trips_total") == 0; ++i) {
    world.upstreams.always(0, saying(stream(), "Use glue."));
    world.play(ask(stream(), question(i)));
    world.upstreams.always(0, saying(stream(), "There are 7 ways, none of them safe."));
    world.play(ask(stream(), other_words(i)));
  }
  EXPECT_EQ(world.metric("baton_similar_trips_total"), 1);
  EXPECT_LE(i, 156);
  EXPECT_GT(world.metric("baton_similar_compared_total{answer=\"other\"}").value_or(0), 1);
  world.upstreams.always(0, saying(stream(), "Use glue."));
  teach(world, 2, 170);
  EXPECT_EQ(results(world, "tripped"), 2);
  Script later = ask(stream(), question(200));
  later.start = 61min;
  world.play(later);
  world.play(ask(stream(), other_words(200)));
  EXPECT_EQ(results(world, "unproved"), kProof + 1) << "what was learnt before is forgotten";
  world.check();
}

TEST_P(SimilarSimulation, an_answer_that_is_not_kept_any_more_is_forgotten) {
  WorldOptions options = similar();
  options.cache->ttl = 100s;
  World world(std::move(options));
  world.upstreams.always(0, saying(stream(), "Use glue."));
  teach(world, 3);
  world.play(ask(stream(), question(90)));
  const size_t entries = world.similar().totals().entries;
  Script later = ask(stream(), other_words(90));
  later.start = 101s;
  EXPECT_EQ(world.play(later).field("baton-cache"), "miss");
  EXPECT_EQ(results(world, "gone"), 1);
  EXPECT_EQ(world.similar().totals().entries, entries) << "one went, one came";
  world.check();
}

TEST_P(SimilarSimulation, turned_off_it_looks_at_nothing) {
  for (const bool rule : {false, true}) {
    WorldOptions options = similar("off");
    if (!rule) options.similar->rules = {{.clients = {"somebody"}, .mode = "on"}};
    World world(std::move(options));
    world.upstreams.always(0, saying(stream(), "Use glue."));
    teach(world, 3);
    EXPECT_EQ(world.metrics_text().find("baton_similar_calls_total{"), std::string::npos);
    EXPECT_EQ(world.similar().totals().entries, 0u);
    world.check();
  }
}

}  // namespace
}  // namespace baton::simulation
