// What is kept and what is given back: the store by itself, against a model of it.
#include "reuse/reply_store.h"

#include <gtest/gtest.h>

#include <map>

#include "http/sse.h"
#include "reuse/forms.h"
#include "reuse/json_tree.h"
#include "runtime/clock.h"

namespace baton::reuse {
namespace {

using namespace std::chrono_literals;

constexpr std::array<uint8_t, 32> kSecret{9};
constexpr Instant kStart{5'000'000'000'000};

Digest ask(Digester& digester, std::string_view tenant, const std::string& body) {
  auto digest =
      digester.digest({.tenant = tenant, .path = "/v1/messages", .version = "2023-06-01", .betas = {}, .body = body});
  EXPECT_TRUE(digest);
  return digest.value_or(Digest{});
}

Finished answer(std::string_view content) {
  return {.content = content, .events = false, .stop_reason = "end_turn", .request_id = "req_1", .usage = {}};
}

TEST(ReplyStore, only_what_ended_by_itself_is_kept) {
  struct Row {
    std::string_view reason;
    bool kept;
  };
  for (const Row& row : {Row{"end_turn", true},
                         {"stop_sequence", true},
                         {"tool_use", true},
                         {"max_tokens", false},
                         {"pause_turn", false},
                         {"refusal", false},
                         {"model_context_window_exceeded", false},
                         {"something_new", false},
                         {"", false}}) {
    ReplyStore store({}, kSecret);
    Digester digester(kSecret);
    const Digest digest = ask(digester, "t", "{}");
    Finished reply = answer("{}");
    reply.stop_reason = row.reason;
    EXPECT_EQ(store.keep(digest, reply, kStart).stored, row.kept) << row.reason;
    cache::Change change;
    EXPECT_EQ(store.find(digest, kStart, change) != nullptr, row.kept) << row.reason;
  }
}

TEST(ReplyStore, the_same_look_up_without_the_same_proof_finds_nothing) {
  ReplyStore store({}, kSecret);
  Digester digester(kSecret);
  Digest digest = ask(digester, "t", "{}");
  ASSERT_TRUE(store.keep(digest, answer("{}"), kStart).stored);
  digest.identity[31] ^= 1;
  cache::Change change;
  EXPECT_EQ(store.find(digest, kStart, change), nullptr);
}

TEST(ReplyStore, replies_end_at_their_time_and_not_all_at_once) {
  ReplyStore store({.ttl = 100s}, kSecret);
  Digester digester(kSecret);
  std::vector<Digest> digests;
  for (int i = 0; i < 200; ++i) digests.push_back(ask(digester, "t", "{\"n\":" + std::to_string(i) + "}"));
  for (const Digest& digest : digests) ASSERT_TRUE(store.keep(digest, answer("{}"), kStart).stored);
  const auto left = [&](Duration after) {
    size_t found = 0;
    for (const Digest& digest : digests) {
      cache::Change change;
      found += store.find(digest, kStart + after, change) != nullptr;
    }
    return found;
  };
  EXPECT_EQ(left(90s), 200u);
  const size_t half = left(95s);
  EXPECT_GT(half, 50u);
  EXPECT_LT(half, 150u);
  EXPECT_EQ(left(100s), 0u);
}

TEST(ReplyStore, large_replies_are_packed_and_come_back_as_they_were) {
  ReplyStore store({}, kSecret);
  Digester digester(kSecret);
  std::string text = "{\"x\":\"";
  while (text.size() < kPackFromBytes * 4) text += "the same again and again ";
  text += "\"}";
  const Digest digest = ask(digester, "t", "{}");
  const auto change = store.keep(digest, answer(text), kStart);
  ASSERT_TRUE(change.stored);
  EXPECT_LT(static_cast<size_t>(change.bytes), text.size() / 4);
  cache::Change none;
  auto found = store.find(digest, kStart, none);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->packed);
  EXPECT_EQ(content_as(*found, false), text);
}

TEST(ReplyStore, what_is_selected_goes_and_nothing_else) {
  struct Row {
    std::string_view name;
    Selection what;
    std::string_view left;  // of the four below
  };
  Digester digester(kSecret);
  const std::string key_of_2 = key_text(ask(digester, "bob", "{\"n\":2}").key);
  EXPECT_EQ(key_of_2.size(), 32u);
  for (const Row& row : {Row{"nothing is named", {}, "1234"},
                         {"all", {.all = true}, ""},
                         {"a tenant", {.tenant = "bob"}, "13"},
                         {"an unknown tenant", {.tenant = "bo"}, "1234"},
                         {"a tag", {.tag = "env=ci"}, "34"},
                         {"a part of a tag", {.tag = "env"}, "1234"},
                         {"a tag that is another's end", {.tag = "search"}, "124"},
                         {"a key", {.key = key_of_2}, "134"},
                         {"a tenant's tag", {.tenant = "ann", .tag = "env=ci"}, "234"}}) {
    ReplyStore store({}, kSecret);
    const auto keep = [&](int n, std::string_view tenant, std::string_view tags) {
      Finished reply = answer("{}");
      reply.tenant = tenant;
      reply.tags = tags;
      EXPECT_TRUE(store.keep(ask(digester, tenant, "{\"n\":" + std::to_string(n) + "}"), reply, kStart).stored);
    };
    keep(1, "ann", "env=ci");
    keep(2, "bob", "a,env=ci,b");
    keep(3, "ann", "research,search");
    keep(4, "bob", "");
    const uint64_t before = store.bytes();
    const cache::Change change = store.purge(row.what);
    EXPECT_EQ(-change.entries, static_cast<int64_t>(4 - row.left.size())) << row.name;
    EXPECT_EQ(store.bytes(), before - static_cast<uint64_t>(-change.bytes)) << row.name;
    for (int n = 1; n <= 4; ++n) {
      cache::Change found;
      const auto digest = ask(digester, n % 2 == 1 ? "ann" : "bob", "{\"n\":" + std::to_string(n) + "}");
      EXPECT_EQ(store.find(digest, kStart, found) != nullptr,
                row.left.find(static_cast<char>('0' + n)) != row.left.npos)
          << row.name << ", reply " << n;
    }
  }
}

TEST(ReplyStore, an_answer_that_was_under_way_at_a_purge_is_not_kept) {
  ReplyStore store({}, kSecret);
  Digester digester(kSecret);
  const auto digest = ask(digester, "t", "{\"n\":1}");
  Finished under_way = answer("old");
  under_way.purges = store.purges();
  EXPECT_EQ(store.purge({.tag = "elsewhere"}).entries, 0);
  EXPECT_FALSE(store.keep(digest, under_way, kStart).stored);
  EXPECT_EQ(store.bytes(), 0u);
  under_way.purges = store.purges();
  EXPECT_TRUE(store.keep(digest, under_way, kStart).stored);
}

TEST(ReplyStore, is_bounded_by_bytes_and_refuses_what_is_too_large_for_it) {
  ReplyStore store({.bytes_max = 64 * kKiB, .entry_bytes_max = 1 * kMiB}, kSecret);
  EXPECT_EQ(store.content_bytes_max(), 4 * kKiB);
  Digester digester(kSecret);
  EXPECT_FALSE(store.keep(ask(digester, "t", "{\"big\":1}"), answer(std::string(4 * kKiB + 1, 'x')), kStart).stored);
  EXPECT_TRUE(store.keep(ask(digester, "t", "{\"big\":1}"), answer(std::string(4 * kKiB, 'x')), kStart).stored);
  uint64_t evicted = 0;
  for (int i = 0; i < 200; ++i) {
    evicted +=
        store.keep(ask(digester, "t", "{\"n\":" + std::to_string(i) + "}"), answer(std::string(2000, 'x')), kStart)
            .evicted;
    ASSERT_LE(store.bytes(), 64 * kKiB);
  }
  EXPECT_GT(evicted, 150u);
}

// 20 tenants ask the same few questions, a million times in all; what comes back is what the model says, and never
// another tenant's, nor what was purged.
TEST(ReplyStore, no_answer_crosses_tenants_whatever_is_done) {
  constexpr size_t kTenants = 20, kQuestions = 12;
  ReplyStore store({.bytes_max = 48 * kKiB, .ttl = 50s, .stale_max = 20s}, kSecret);
  Digester digester(kSecret);
  runtime::Random random(20);
  struct Place {
    std::string tenant;
    Digest digests[2];  // of two spellings, which are one question
    std::string content;
    Instant since{};
    bool known = false;
  };
  std::vector<Place> places;
  for (size_t i = 0; i < kTenants * kQuestions; ++i) {
    Place& place = places.emplace_back();
    place.tenant = "tenant" + std::to_string(i / kQuestions);
    const std::string q = std::to_string(i % kQuestions);
    place.digests[0] = ask(digester, place.tenant, "{\"q\":" + q + ",\"m\":1}");
    place.digests[1] = ask(digester, place.tenant, "{ \"m\":1, \"q\":" + q + "}");
    ASSERT_EQ(place.digests[0], place.digests[1]);
  }
  Instant now = kStart;
  size_t hits = 0, misses = 0, stale = 0, purged = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    now = now + (random.below(5'000) == 0 ? Duration(52s) : Duration(static_cast<int64_t>(random.below(5'000'000))));
    Place& place = places[random.below(places.size())];
    const Digest& digest = place.digests[random.below(2)];
    const uint64_t act = random.below(10'000);
    if (act < 5) {
      // By tenant, by key, or by a tag that one tenant's calls have.
      const bool by_key = act < 2;
      const std::string key = key_text(digest.key);
      purged += static_cast<size_t>(-store
                                         .purge(by_key     ? Selection{.key = key}
                                                : act == 2 ? Selection{.tag = place.tenant}
                                                           : Selection{.tenant = place.tenant})
                                         .entries);
      for (Place& other : places) {
        if (by_key ? &other == &place : other.tenant == place.tenant) other.known = false;
      }
    } else if (act < 3000) {
      const std::string content = "{\"of\":\"" + place.tenant + "/" + std::to_string(i) + "\"}";
      Finished reply = answer(content);
      reply.tenant = reply.tags = place.tenant;
      reply.purges = store.purges() - (act < 100 ? 1 : 0);  // some began before a purge
      if (store.keep(digest, reply, now).stored) {
        ASSERT_GE(act, 100u);
        place.content = content;
        place.since = now;
        place.known = true;
      }
    } else {
      cache::Change change;
      const bool takes_stale = act < 5000;
      auto found = store.find(digest, now, change, takes_stale ? Duration(10s) : Duration(0s));
      if (found == nullptr) {
        ++misses;
        continue;
      }
      ++hits;
      ASSERT_TRUE(place.known) << "step " << i;
      ASSERT_EQ(found->content, place.content) << "step " << i;
      ASSERT_EQ(found->tenant, place.tenant);
      ASSERT_EQ(found->since, place.since);
      ASSERT_LT(now - found->since, takes_stale ? 60s : 50s);
      stale += now >= found->fresh_until ? 1 : 0;
    }
    if (i % 1024 == 0) ASSERT_LE(store.bytes(), 48 * kKiB);
  }
  EXPECT_GT(hits, 100'000u);
  EXPECT_GT(misses, 10'000u);
  EXPECT_GT(purged, 500u);
  EXPECT_GT(stale, 0u);
}

// -- the two forms --

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[)"
    R"({"type":"thinking","thinking":"hm\n\"q\"","signature":"c2ln"},)"
    R"({"type":"text","text":"Grüße \ud83d\ude00"},)"
    R"({"type":"redacted_thinking","data":"xyz"},)"
    R"({"type":"text","text":"cited","citations":[{"type":"char_location","cited_text":"a"},{"type":"char_location","cited_text":"b"}]},)"
    R"({"type":"tool_use","id":"tu_1","name":"f","input":{"x":[1, 2.50,{"y":null}]}}],)"
    R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":7}})";

TEST(Forms, a_message_becomes_a_stream_that_adds_up_to_it_again) {
  auto events = events_of_message(kMessage);
  ASSERT_TRUE(events);
  std::vector<std::string> names;
  http::SseScanner scanner;
  scanner.feed(*events, [&](const http::SseEvent& event) { names.emplace_back(event.name); });
  EXPECT_EQ(names.front(), "message_start");
  EXPECT_EQ(names.back(), "message_stop");
  EXPECT_EQ(std::ranges::count(names, "content_block_start"), 5);
  EXPECT_EQ(std::ranges::count(names, "content_block_delta"), 2 + 1 + 0 + 3 + 1);
  EXPECT_NE(events->find(R"("stop_reason":null)"), std::string::npos) << "not told before the end";
  auto again = message_of_events(*events);
  ASSERT_TRUE(again);
  Digester digester(kSecret);
  EXPECT_EQ(ask(digester, "t", *again), ask(digester, "t", std::string(kMessage))) << *again;
}

TEST(Forms, a_stream_becomes_the_message_it_says) {
  const std::string stream =
      "event: message_start\ndata: "
      "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[]"
      ","
      "\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
      "event: content_block_start\ndata: "
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
      "event: ping\ndata: {\"type\": \"ping\"}\n\n"
      "event: content_block_delta\ndata: "
      "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\\\"\"}}\n\n"
      "event: content_block_delta\ndata: "
      "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}}\n\n"
      "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
      "event: message_delta\ndata: "
      "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n"
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
  EXPECT_EQ(
      message_of_events(stream),
      R"({"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"a\"b"}],"stop_reason":"end_turn",)"
      R"("usage":{"input_tokens":3,"output_tokens":9}})");
  // Cut anywhere it is no message.
  for (size_t at = 0; at + 2 < stream.size(); at += 7)
    EXPECT_EQ(message_of_events(stream.substr(0, at)), std::nullopt) << at;
}

TEST(Forms, what_is_not_understood_has_no_other_form) {
  const auto changed = [](std::string_view from, std::string_view to) {
    std::string events = *events_of_message(kMessage);
    const size_t at = events.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return message_of_events(events.replace(at, from.size(), to));
  };
  EXPECT_TRUE(changed("hm", "so"));
  EXPECT_EQ(changed("\"text_delta\"", "\"hologram_delta\""), std::nullopt);
  EXPECT_EQ(changed("\"index\":1", "\"index\":4"), std::nullopt);
  EXPECT_EQ(changed("\"type\":\"content_block_stop\"", "\"type\":\"content_block_twirl\""), std::nullopt);
  EXPECT_EQ(events_of_message("{\"type\":\"error\",\"error\":{}}"), std::nullopt);
  EXPECT_EQ(events_of_message("[]"), std::nullopt);
  EXPECT_EQ(events_of_message("{\"type\":\"message\",\"content\":[1]}"), std::nullopt);
}

}  // namespace
}  // namespace baton::reuse
