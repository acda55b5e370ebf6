// Reuse through the whole relay, on virtual time: what a caller gets, what the upstream is asked, what is booked.
#include <gtest/gtest.h>

#include "http/sse.h"
#include "ledger/price_table.h"
#include "ledger/row.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::CacheUse;

WorldOptions caching(uint64_t seed = 1, reuse::Config config = {}) {
  WorldOptions options;
  options.seed = seed;
  options.cache = config;
  return options;
}
WorldOptions scripted() {
  WorldOptions options = caching();
  options.scripted = true;
  return options;
}

Script call(bool stream, std::string_view text = "hello", std::string fields = "baton-cache: on\r\n",
            std::string_view more = "") {
  return {.fields = std::move(fields), .body = World::body(stream, text, more)};
}

size_t upstream_calls(const World& world) {
  size_t calls = 0;
  for (const auto& outcome : world.outcomes) calls += outcome.attempts.size();
  return calls;
}

void expect_marked(const World& world, const Seen& seen, std::string_view mark, CacheUse use) {
  EXPECT_EQ(seen.field("baton-cache"), mark);
  EXPECT_EQ(world.outcomes.back().cache, use);
  EXPECT_TRUE(seen.complete);
  EXPECT_EQ(seen.status, 200) << seen.body;
}

// The text that a reply says, whatever its form.
std::string said(const Seen& seen) {
  std::string text;
  const auto take = [&text](std::string_view json, std::string_view mark) {
    for (size_t at = json.find(mark); at != json.npos; at = json.find(mark, at + 1)) {
      const size_t begin = at + mark.size();
      size_t end = begin;
      while (json[end] != '"') end += json[end] == '\\' ? 2 : 1;
      text.append(json.substr(begin, end - begin));
    }
  };
  if (seen.events.empty()) {
    take(seen.body, "\"text\":\"");
  } else {
    http::SseScanner scanner;
    scanner.feed(seen.body, [&](const http::SseEvent& event) {
      if (event.name == "content_block_delta") take(event.data, "\"text\":\"");
    });
  }
  return text;
}

class ReuseSimulation : public testing::TestWithParam<bool> {};  // streamed or not
INSTANTIATE_TEST_SUITE_P(Kinds, ReuseSimulation, testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "streamed" : "unstreamed"; });

TEST_P(ReuseSimulation, the_same_question_is_answered_once) {
  World world(caching());
  const Seen first = world.play(call(GetParam()));
  expect_marked(world, first, "miss", CacheUse::kMiss);
  EXPECT_EQ(first.field("baton-cache-age"), "");
  const Seen second = world.play(call(GetParam()));
  expect_marked(world, second, "hit", CacheUse::kHit);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.field("content-type").substr(0, 16), first.field("content-type").substr(0, 16));
  EXPECT_EQ(second.field("request-id"), first.field("request-id"));
  EXPECT_NE(second.field("baton-request-id"), first.field("baton-request-id"));
  EXPECT_EQ(upstream_calls(world), 1u);
  EXPECT_TRUE(world.outcomes[0].usage.known);
  EXPECT_TRUE(world.outcomes[1].attempts.empty()) << "nothing was spent";
  EXPECT_EQ(world.outcomes[1].usage, world.outcomes[0].usage) << "what was saved";
  EXPECT_EQ(world.metric("baton_cache_calls_total{result=\"hit\"}"), 1);
  EXPECT_EQ(world.metric("baton_cache_calls_total{result=\"miss\"}"), 1);
  EXPECT_EQ(world.metric("baton_cache_entries"), 1);
  EXPECT_EQ(world.metric("baton_cache_stores_total{result=\"stored\"}"), 1);
  world.check();
}

TEST_P(ReuseSimulation, what_a_hit_saved_is_said_counted_and_the_same) {
  ledger::Budgets budgets({}, std::make_shared<ledger::PriceTable>());
  WorldOptions options = caching();
  options.budgets = &budgets;
  World world(std::move(options));
  EXPECT_EQ(world.play(call(GetParam())).field("baton-cache-saved"), "") << "nothing was saved";
  const Seen hit = world.play(call(GetParam()));
  expect_marked(world, hit, "hit", CacheUse::kHit);
  const ledger::Row paid = ledger::make_row(world.outcomes[0], ledger::PriceTable());
  ASSERT_GT(paid.cost.value_or(0), 0);
  const ledger::Row row = ledger::make_row(world.outcomes[1], ledger::PriceTable());
  EXPECT_EQ(row.cost, 0);
  EXPECT_EQ(row.saved_by_reply_cache, *paid.cost);
  EXPECT_EQ("$" + hit.field("baton-cache-saved"), ledger::dollars_text(*paid.cost));
  EXPECT_NEAR(world.metric("baton_saved_dollars_total{by=\"hit\"}").value_or(0), static_cast<double>(*paid.cost) * 1e-9,
              1e-12);
  EXPECT_EQ(world.metric("baton_saved_dollars_total{by=\"coalesced\"}"), 0);
  // Two that ask at once: one pays, the other saves as much.
  const auto both = world.play(std::vector<Script>{call(GetParam(), "another"), call(GetParam(), "another")});
  EXPECT_EQ(both[0].body, both[1].body);
  const bool second = world.outcomes[3].cache == CacheUse::kCoalesced;
  const model::Outcome& reader = world.outcomes[second ? 3 : 2];
  const model::Outcome& maker = world.outcomes[second ? 2 : 3];
  EXPECT_EQ(reader.cache, CacheUse::kCoalesced);
  EXPECT_TRUE(reader.reused);
  EXPECT_FALSE(maker.reused);
  EXPECT_EQ(ledger::make_row(reader, ledger::PriceTable()).saved_by_reply_cache,
            ledger::make_row(maker, ledger::PriceTable()).cost);
  EXPECT_GT(world.metric("baton_saved_dollars_total{by=\"coalesced\"}").value_or(0), 0);
  world.check();
}

TEST_P(ReuseSimulation, the_other_form_is_served_from_what_was_recorded) {
  World world(caching());
  const Seen first = world.play(call(GetParam(), "tell me of words"));
  const Seen other = world.play(call(!GetParam(), "tell me of words"));
  expect_marked(world, other, "hit", CacheUse::kHit);
  EXPECT_NE(other.events.empty(), first.events.empty());
  EXPECT_FALSE(said(first).empty());
  EXPECT_EQ(said(other), said(first));
  const Seen& stream = first.events.empty() ? other : first;
  EXPECT_EQ(stream.events.front(), "message_start");
  EXPECT_EQ(stream.events.back(), "message_stop");
  EXPECT_EQ(upstream_calls(world), 1u);
  world.check();
}

TEST_P(ReuseSimulation, refresh_asks_anew_and_its_answer_is_the_next_one) {
  WorldOptions options = scripted();
  World world(std::move(options));
  const auto answer = [&](std::string_view text) {
    world.upstreams.next(
        0, GetParam()
               ? Reply::stream(short_message(text))
               : Reply::json(200, R"({"type":"message","content":[{"type":"text","text":")" + std::string(text) +
                                      R"("}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}})"));
  };
  answer("one");
  answer("two");
  EXPECT_EQ(said(world.play(call(GetParam()))), "one");
  const Seen refreshed = world.play(call(GetParam(), "hello", "baton-cache: refresh\r\n"));
  expect_marked(world, refreshed, "miss", CacheUse::kMiss);
  EXPECT_EQ(said(refreshed), "two");
  const Seen later = world.play(call(GetParam()));
  expect_marked(world, later, "hit", CacheUse::kHit);
  EXPECT_EQ(said(later), "two");
  world.check();
}

TEST_P(ReuseSimulation, without_leave_nothing_is_reused) {
  World world(caching());
  for (std::string_view fields : {"", "baton-cache: off\r\n", "baton-cache: on\r\ncache-control: no-store\r\n"}) {
    for (int i = 0; i < 2; ++i)
      expect_marked(world, world.play(call(GetParam(), "hello", std::string(fields))), "off", CacheUse::kOff);
  }
  EXPECT_EQ(upstream_calls(world), 6u);
  EXPECT_EQ(world.metric("baton_cache_entries"), 0);
  world.check();
}

TEST_P(ReuseSimulation, temperature_zero_of_the_older_version_is_leave) {
  World world(caching());
  const auto zero = call(GetParam(), "hello", "", ",\"temperature\":0.0");
  expect_marked(world, world.play(zero), "miss", CacheUse::kMiss);
  expect_marked(world, world.play(zero), "hit", CacheUse::kHit);
  expect_marked(world, world.play(call(GetParam(), "hello", "", ",\"temperature\":0.01")), "off", CacheUse::kOff);
  world.check();
}

TEST_P(ReuseSimulation, an_answer_ages_and_ends) {
  World world(caching(1, {.ttl = 100s}));
  world.play(call(GetParam()));
  Script later = call(GetParam());
  later.start = 60s;
  const Seen aged = world.play(later);
  expect_marked(world, aged, "hit", CacheUse::kHit);
  EXPECT_GE(std::stoi(aged.field("baton-cache-age")), 59);
  EXPECT_LE(std::stoi(aged.field("baton-cache-age")), 62);
  expect_marked(world, world.play(call(GetParam(), "hello", "baton-cache: on\r\ncache-control: max-age=5\r\n")), "miss",
                CacheUse::kMiss);
  later.start = 101s;
  expect_marked(world, world.play(later), "miss", CacheUse::kMiss);
  EXPECT_EQ(upstream_calls(world), 3u);
  world.check();
}

struct Fault {
  std::string_view name;
  std::string_view control;
};

TEST_P(ReuseSimulation, what_did_not_come_to_a_good_end_is_not_kept) {
  const Fault kTable[] = {
      {"overloaded", "status=529"},  {"bad request", "status=400"}, {"refusal", "reply=refusal"},
      {"pause", "reply=pause_turn"}, {"cut", "fault=reset"},        {"ended early", "fault=close"},
      {"encoded", "encoding=gzip"},
  };
  for (const Fault& row : kTable) {
    WorldOptions options = caching();
    options.attempts_max = 1;
    World world(std::move(options));
    Script bad = call(GetParam());
    bad.fields += "baton-sim: " + std::string(row.control) + "\r\n";
    world.play(bad);
    EXPECT_EQ(world.outcomes.back().cache, CacheUse::kMiss) << row.name;
    EXPECT_EQ(world.metric("baton_cache_entries"), 0) << row.name;
    EXPECT_EQ(world.play(call(GetParam())).field("baton-cache"), "miss") << row.name;
    EXPECT_EQ(world.metric("baton_cache_entries"), 1) << row.name;
    world.check();
  }
}

TEST(ReuseOnceSimulation, a_stream_that_ends_without_its_last_event_or_in_an_error_is_not_kept) {
  for (std::string_view control : {"fault=no_stop", "fault=error_event;at=900"}) {
    WorldOptions options = caching();
    options.attempts_max = 1;
    World world(std::move(options));
    Script bad = call(true);
    bad.fields += "baton-sim: " + std::string(control) + "\r\n";
    world.play(bad);
    EXPECT_EQ(world.metric("baton_cache_entries"), 0) << control;
    world.check();
  }
}

TEST_P(ReuseSimulation, what_the_token_limit_cut_is_not_kept) {
  World world(caching());
  Script cut = call(GetParam());
  cut.body.replace(cut.body.find("\"max_tokens\":64"), 15, "\"max_tokens\":3 ");
  world.play(cut);
  EXPECT_EQ(world.play(cut).field("baton-cache"), "miss");
  EXPECT_EQ(world.metric("baton_cache_entries"), 0);
  EXPECT_EQ(world.metric("baton_cache_stores_total{result=\"refused\"}"), 2);
  world.check();
}

TEST_P(ReuseSimulation, a_client_that_leaves_leaves_nothing_half_kept) {
  World world(caching());
  Script leaves = call(GetParam());
  leaves.leave_after_bytes = 300;
  world.play(leaves);
  const Seen next = world.play(call(GetParam()));
  EXPECT_TRUE(next.complete);
  const Seen again = world.play(call(GetParam()));
  expect_marked(world, again, "hit", CacheUse::kHit);
  EXPECT_EQ(again.body, next.body);
  world.check();
}

TEST_P(ReuseSimulation, clients_do_not_share) {
  WorldOptions options = caching();
  options.auth.clients = {{.name = "a", .key = Secret("key-of-client-a-0123")},
                          {.name = "b", .key = Secret("key-of-client-b-0123")}};
  World world(std::move(options));
  const auto as = [&](std::string_view key) {
    Script script = call(GetParam());
    script.default_fields = false;
    script.fields +=
        "host: localhost\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: " +
        std::string(key) + "\r\n";
    return world.play(script);
  };
  expect_marked(world, as("key-of-client-a-0123"), "miss", CacheUse::kMiss);
  expect_marked(world, as("key-of-client-b-0123"), "miss", CacheUse::kMiss);
  expect_marked(world, as("key-of-client-a-0123"), "hit", CacheUse::kHit);
  expect_marked(world, as("key-of-client-b-0123"), "hit", CacheUse::kHit);
  EXPECT_EQ(upstream_calls(world), 2u);
  world.check();
}

TEST_P(ReuseSimulation, what_is_kept_stays_within_its_bytes) {
  const size_t bytes_max = (GetParam() ? 256 : 64) * kKiB;
  World world(caching(1, {.bytes_max = bytes_max}));
  for (int i = 0; i < 400; ++i) {
    world.play(call(GetParam(), "question " + std::to_string(i)));
    ASSERT_LE(world.metric("baton_cache_bytes").value_or(1e9), static_cast<double>(bytes_max));
  }
  EXPECT_GT(world.metric("baton_cache_removals_total{why=\"evicted\"}").value_or(0), 5);
  world.check();
}

TEST(ReuseOnceSimulation, a_stream_larger_than_may_be_kept_passes_and_is_not) {
  World world(caching(1, {.entry_bytes_max = 1 * kKiB}));
  const Seen large = world.play(call(true));
  EXPECT_TRUE(large.complete);
  EXPECT_GT(large.body.size(), 1 * kKiB);
  EXPECT_EQ(world.metric("baton_cache_entries"), 0);
  EXPECT_EQ(world.metric("baton_cache_stores_total{result=\"refused\"}"), 1);
  world.check();
}

TEST_P(ReuseSimulation, spelling_does_not_matter_and_any_value_does) {
  World world(caching());
  world.play(call(GetParam()));
  Script spelt = call(GetParam());
  spelt.body =
      "{ \"messages\" : [ {\"content\":\"h\\u0065llo\", \"role\":\"user\"} ],\n\"metadata\":{\"user_id\":\"x\"}, "
      "\"max_tokens\":64, \"stream\":" +
      std::string(GetParam() ? "true" : "false") + ",\"model\":\"claude-sonnet-5-5\"}";
  expect_marked(world, world.play(spelt), "hit", CacheUse::kHit);
  Script beta = call(GetParam(), "hello", "baton-cache: on\r\nanthropic-beta: x\r\n");
  expect_marked(world, world.play(beta), "miss", CacheUse::kMiss);
  expect_marked(world, world.play(call(GetParam(), "Hello")), "miss", CacheUse::kMiss);
  world.check();
}

TEST(ReuseOnceSimulation, a_wish_that_cannot_be_understood_is_refused_before_anything_is_spent) {
  World world(caching());
  const Seen seen = world.play(call(false, "hello", "baton-cache: maybe\r\n"));
  EXPECT_EQ(seen.status, 400);
  EXPECT_EQ(upstream_calls(world), 0u);
  world.check();
}

TEST(ReuseOnceSimulation, turned_off_it_leaves_no_trace) {
  WorldOptions options;
  World world(std::move(options));
  for (int i = 0; i < 2; ++i) {
    const Seen seen = world.play(call(false));
    EXPECT_EQ(seen.field("baton-cache"), "");
    EXPECT_EQ(world.outcomes.back().cache, CacheUse::kNone);
  }
  EXPECT_EQ(upstream_calls(world), 2u);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
