#include "stream/usage_tap.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "http/sse.h"

namespace baton::model {

// How a failing expectation shows it.
static void PrintTo(const Usage& u, std::ostream* out) {
  *out << "known " << u.known << " in " << u.input_tokens << " out " << u.output_tokens << " write "
       << u.cache_creation_input_tokens << " (" << u.cache_creation_5m_input_tokens << " + "
       << u.cache_creation_1h_input_tokens << ") read " << u.cache_read_input_tokens << " thinking "
       << u.thinking_tokens << " search " << u.web_search_requests << " fetch " << u.web_fetch_requests;
}

}  // namespace baton::model

namespace baton::stream {
namespace {

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(BATON_SOURCE_DIR) + "/tests/fixtures/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

// What is known after the stream's pieces have passed.
ReplyFacts pass(const std::vector<std::string_view>& pieces) {
  TapRoom room;
  UsageTap tap(room);
  http::SseScanner scanner;
  for (std::string_view piece : pieces) {
    scanner.feed(piece, [&tap](const http::SseEvent& event) { tap.event(event.name, event.data); });
  }
  return tap.facts();
}

ReplyFacts pass_message(std::string_view body) {
  TapRoom room;
  UsageTap tap(room);
  tap.message(body);
  return tap.facts();
}

TEST(UsageTap, reads_the_fixtures) {
  struct Case {
    std::string file;
    model::Usage usage;
    std::string message_id, stop_reason;
    bool complete = true;
    std::string model = "claude-sonnet-5-5";
  };
  const Case cases[] = {
      {"01_text.sse", {.known = true, .input_tokens = 25, .output_tokens = 14}, "msg_01Text", "end_turn"},
      {"02_tool_use_parallel.sse", {.known = true, .input_tokens = 25, .output_tokens = 61}, "msg_02Tool", "tool_use"},
      {"03_thinking_signature.sse",
       {.known = true, .input_tokens = 25, .output_tokens = 33, .thinking_tokens = 27},
       "msg_03Think",
       "end_turn"},
      {"03b_thinking_omitted.sse",
       {.known = true, .input_tokens = 25, .output_tokens = 40, .thinking_tokens = 36},
       "msg_03bOmit",
       "end_turn"},
      {"04_citations.sse", {.known = true, .input_tokens = 25, .output_tokens = 22}, "msg_04Cite", "end_turn"},
      {"05_pings_crlf_unknown.sse",
       {.known = true, .input_tokens = 25, .output_tokens = 2},
       "msg_05Ping",
       "max_tokens"},
      {"06_error_midstream.sse", {.known = true, .input_tokens = 25, .output_tokens = 1}, "msg_06Err", "", false},
      {"07_refusal.sse", {.known = true, .input_tokens = 25, .output_tokens = 5}, "msg_07Ref", "refusal"},
      {"08_pause_turn_server_tool.sse",
       {.known = true, .input_tokens = 1210, .output_tokens = 48, .web_search_requests = 1},
       "msg_08Pause",
       "pause_turn"},
      {"09_cached_usage.sse",
       {.known = true,
        .input_tokens = 7,
        .output_tokens = 3,
        .cache_creation_input_tokens = 3000,
        .cache_read_input_tokens = 41000,
        .cache_creation_5m_input_tokens = 1000,
        .cache_creation_1h_input_tokens = 2000},
       "msg_09Cache",
       "stop_sequence"},
      {"10_legacy_minimal.sse",
       {.known = true, .input_tokens = 9, .output_tokens = 12},
       "msg_10Old",
       "tool_use",
       true,
       "claude-sonnet-4-5-20250929"},
  };
  for (const Case& c : cases) {
    ReplyFacts facts = pass({fixture(c.file)});
    EXPECT_EQ(facts.usage, c.usage) << c.file;
    EXPECT_EQ(facts.message_id, c.message_id) << c.file;
    EXPECT_EQ(facts.model, c.model) << c.file;
    EXPECT_EQ(facts.stop_reason, c.stop_reason) << c.file;
    EXPECT_TRUE(facts.message_start && facts.content) << c.file;
    EXPECT_EQ(facts.message_delta, c.complete) << c.file;
    EXPECT_EQ(facts.message_stop, c.complete) << c.file;
    EXPECT_EQ(facts.error_event, !c.complete) << c.file;
    EXPECT_EQ(facts.error.type, c.complete ? "" : "overloaded_error") << c.file;
    EXPECT_EQ(facts.unread, 0u) << c.file;
  }
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// Legal ways to write the same events.
TEST(UsageTap, reads_the_same_in_every_framing_and_at_every_split) {
  struct Framing {
    std::string_view name;
    std::function<std::string(std::string)> apply;
  };
  const Framing framings[] = {
      {"as it is", [](std::string s) { return s; }},
      {"CR LF", [](std::string s) { return replaced(std::move(s), "\n", "\r\n"); }},
      {"CR", [](std::string s) { return replaced(std::move(s), "\n", "\r"); }},
      {"no blank behind colons",
       [](std::string s) { return replaced(replaced(std::move(s), "\nevent: ", "\nevent:"), "\ndata: ", "\ndata:"); }},
      {"comments and other fields",
       [](std::string s) { return ": hi\n\n" + replaced(std::move(s), "\ndata: ", "\n: c\nid: 1\nretry: 5\ndata: "); }},
      {"data over several lines",
       [](std::string s) { return replaced(std::move(s), ",\"usage\":", ",\ndata: \"usage\":\ndata:"); }},
      {"data before the name",
       [](std::string s) {
         std::string out;
         for (size_t at = 0; at < s.size();) {
           size_t name_end = s.find('\n', at) + 1;
           size_t data_end = s.find('\n', name_end) + 1;
           out += s.substr(name_end, data_end - name_end) + s.substr(at, name_end - at) + "\n";
           at = data_end + 1;
         }
         return out;
       }},
      {"a byte order mark", [](std::string s) { return "\xEF\xBB\xBF" + s; }},
  };
  for (std::string file : {"08_pause_turn_server_tool.sse", "09_cached_usage.sse", "06_error_midstream.sse"}) {
    const std::string plain = fixture(file);
    const ReplyFacts want = pass({plain});
    for (const Framing& framing : framings) {
      const std::string text = framing.apply(plain);
      EXPECT_EQ(pass({text}), want) << file << ", " << framing.name;
      std::vector<std::string_view> bytes;
      for (size_t i = 0; i < text.size(); ++i) bytes.push_back(std::string_view(text).substr(i, 1));
      EXPECT_EQ(pass(bytes), want) << file << ", " << framing.name << ", byte by byte";
      for (size_t cut = 0; cut <= text.size(); ++cut) {
        ASSERT_EQ(pass({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}), want)
            << file << ", " << framing.name << ", cut at " << cut;
      }
    }
  }
}

TEST(UsageTap, reads_whole_messages) {
  ReplyFacts facts = pass_message(fixture("11_message.json"));
  EXPECT_EQ(facts.usage, (model::Usage{.known = true, .input_tokens = 25, .output_tokens = 4}));
  EXPECT_EQ(facts.message_id, "msg_11Json");
  EXPECT_EQ(facts.model, "claude-sonnet-5-5");
  EXPECT_EQ(facts.stop_reason, "end_turn");
  EXPECT_FALSE(facts.message_start || facts.content || facts.message_stop || facts.error_event);

  facts = pass_message(fixture("11b_prewarm.json"));
  EXPECT_EQ(facts.usage, (model::Usage{.known = true,
                                       .input_tokens = 3,
                                       .cache_creation_input_tokens = 5000,
                                       .cache_creation_5m_input_tokens = 5000}));
}

TEST(UsageTap, reads_at_which_rate_a_message_was_metered) {
  struct {
    const char* name;
    const char* usage;
    model::ServiceTier tier;
    bool fast;
  } const rows[] = {
      {"nothing said", R"("output_tokens":1)", model::ServiceTier::kStandard, false},
      {"standard", R"("output_tokens":1,"service_tier":"standard","speed":"standard")", model::ServiceTier::kStandard,
       false},
      {"priority", R"("output_tokens":1,"service_tier":"priority")", model::ServiceTier::kPriority, false},
      {"a batch", R"("output_tokens":1,"service_tier":"batch")", model::ServiceTier::kBatch, false},
      {"fast", R"("output_tokens":1,"speed":"fast")", model::ServiceTier::kStandard, true},
      {"null", R"("output_tokens":1,"service_tier":null,"speed":null)", model::ServiceTier::kStandard, false},
      {"a tier nobody knows", R"("output_tokens":1,"service_tier":"flex")", model::ServiceTier::kStandard, false},
  };
  for (const auto& row : rows) {
    const auto usage = pass_message("{\"usage\":{" + std::string(row.usage) + "}}").usage;
    EXPECT_EQ(usage.tier, row.tier) << row.name;
    EXPECT_EQ(usage.fast, row.fast) << row.name;
  }
  // A later statement that does not repeat the mode leaves it.
  const auto streamed =
      pass({"event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":1,\"speed\":\"fast\"}}}\n\n",
            "event: message_delta\ndata: {\"usage\":{\"output_tokens\":2}}\n\n"});
  EXPECT_TRUE(streamed.usage.fast);
  EXPECT_EQ(streamed.usage.output_tokens, 2);
}

TEST(UsageTap, takes_what_the_latest_statement_gives_and_keeps_the_rest) {
  constexpr std::string_view kStart =
      R"({"type":"message_start","message":{"id":"m","model":"x","usage":{"input_tokens":10,"output_tokens":1,)"
      R"("cache_creation_input_tokens":20,"cache_read_input_tokens":30,)"
      R"("cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15},)"
      R"("output_tokens_details":{"thinking_tokens":1},"server_tool_use":{"web_search_requests":1,"web_fetch_requests":2}}}})";
  const model::Usage start{.known = true,
                           .input_tokens = 10,
                           .output_tokens = 1,
                           .cache_creation_input_tokens = 20,
                           .cache_read_input_tokens = 30,
                           .cache_creation_5m_input_tokens = 5,
                           .cache_creation_1h_input_tokens = 15,
                           .thinking_tokens = 1,
                           .web_search_requests = 1,
                           .web_fetch_requests = 2};
  auto with = [&start](auto change) {
    model::Usage usage = start;
    change(usage);
    return usage;
  };
  struct Case {
    std::string_view name, usage;
    model::Usage want;
    uint32_t unread = 0;
  };
  const Case cases[] = {
      {"output only", R"({"output_tokens":7})", with([](auto& u) { u.output_tokens = 7; })},
      {"totals, not increments", R"({"input_tokens":11,"output_tokens":1})",
       with([](auto& u) { u.input_tokens = 11; })},
      {"a figure may fall", R"({"cache_read_input_tokens":0})", with([](auto& u) { u.cache_read_input_tokens = 0; })},
      {"nulls keep",
       R"({"input_tokens":null,"output_tokens":null,"cache_creation":null,"server_tool_use":null,"output_tokens_details":null})",
       start},
      {"nested figures",
       R"({"cache_creation":{"ephemeral_1h_input_tokens":1},"output_tokens_details":{"thinking_tokens":9},"server_tool_use":{"web_fetch_requests":4}})",
       with([](auto& u) { u.cache_creation_1h_input_tokens = 1, u.thinking_tokens = 9, u.web_fetch_requests = 4; })},
      {"unknown fields", R"({"service_tier":"x","iterations":[{"output_tokens":5}],"output_tokens":2})",
       with([](auto& u) { u.output_tokens = 2; })},
      {"no integer", R"({"input_tokens":1.5,"output_tokens":"7","cache_read_input_tokens":1e3})", start},
      {"out of range",
       R"({"input_tokens":-1,"output_tokens":99999999999999999999,"cache_read_input_tokens":1000000000000001})", start},
      {"null", "null", start},
      {"not an object", "[]", start, 1},
      {"a figure twice", R"({"output_tokens":7,"output_tokens":8})", start, 1},
      {"a nested figure twice",
       R"({"output_tokens":7,"server_tool_use":{"web_fetch_requests":1,"web_fetch_requests":5}})",
       with([](auto& u) { u.output_tokens = 7; }), 1},
  };
  for (const Case& c : cases) {
    TapRoom room;
    UsageTap tap(room);
    tap.event("message_start", kStart);
    EXPECT_EQ(tap.facts().usage, start) << c.name;
    tap.event("message_delta",
              R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":)" + std::string(c.usage) + "}");
    EXPECT_EQ(tap.facts().usage, c.want) << c.name;
    EXPECT_EQ(tap.facts().stop_reason, "end_turn") << c.name;
    EXPECT_EQ(tap.facts().unread, c.unread) << c.name;
  }
}

struct Seen {
  bool start = false;
  bool content = false;
  bool delta = false;
  bool stop = false;
  bool error = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

TEST(UsageTap, notes_how_far_a_stream_got) {
  struct Case {
    std::string_view name;
    std::vector<std::string_view> events;
    Seen want;
  };
  const Case cases[] = {
      {"nothing", {}, {}},
      {"a ping", {"ping"}, {}},
      {"the opening", {"message_start", "ping"}, {.start = true}},
      {"a block", {"message_start", "content_block_start"}, {.start = true, .content = true}},
      {"a delta first", {"content_block_delta"}, {.content = true}},
      {"an unknown event", {"message_start", "future_event"}, {.start = true, .content = true}},
      {"a nameless event", {""}, {.content = true}},
      {"an early error", {"message_start", "error"}, {.start = true, .error = true}},
      {"a delta of the message", {"message_delta"}, {.content = true, .delta = true}},
      {"the end", {"message_stop"}, {.content = true, .stop = true}},
      {"nothing counts behind the end",
       {"message_stop", "message_start", "error", "message_delta"},
       {.content = true, .stop = true}},
  };
  for (const Case& c : cases) {
    TapRoom room;
    UsageTap tap(room);
    for (std::string_view event : c.events) tap.event(event, "{}");
    const ReplyFacts& f = tap.facts();
    EXPECT_EQ((Seen{f.message_start, f.content, f.message_delta, f.message_stop, f.error_event}), c.want) << c.name;
  }
}

TEST(UsageTap, counts_what_it_cannot_read_and_goes_on) {
  TapRoom room;
  UsageTap tap(room);
  tap.event("message_start", "{\"message\":{\"id\":");
  tap.event("message_start", "");
  tap.event("message_start", "{}");
  tap.event("message_start", R"({"message":{"id":"a","id":"b","usage":{"input_tokens":1}}})");
  tap.event("message_delta", "[DONE]");
  tap.event("error", "overloaded");
  EXPECT_EQ(tap.facts().unread, 6u);
  EXPECT_EQ(tap.facts().usage, model::Usage{});
  EXPECT_EQ(tap.facts().message_id, "");
  EXPECT_TRUE(tap.facts().error_event);
  EXPECT_EQ(tap.facts().error, VendorError{});
  tap.event("message_delta", R"({"usage":{"output_tokens":3}})");
  EXPECT_EQ(tap.facts().usage, (model::Usage{.known = true, .output_tokens = 3}));
  EXPECT_EQ(tap.facts().unread, 6u);
  EXPECT_EQ(pass_message("<html>").unread, 1u);
}

TEST(UsageTap, believes_no_figure_of_what_is_not_plainly_one_object) {
  const std::string_view kBroken[] = {
      R"({"usage":{"output_tokens":3})",
      R"({"usage":{"output_tokens":3}}})",
      R"({"usage":{"output_tokens":3},})",
      R"({"usage":{"output_tokens":3} "id":"a"})",
      R"({"usage":{"output_tokens":3},"usage":{"output_tokens":4}})",
      R"({"usage":{"output_tokens":3},"us\u0061ge":{"output_tokens":4}})",
      R"({"usage":{"output_tokens":3,"output_tokens":4}})",
      R"({"usage":{"output_tokens":3,"output\u005ftokens":4}})",
      R"({"usage":[{"output_tokens":3}]})",
      R"({"usage":"x"})",
  };
  for (std::string_view text : kBroken) {
    const ReplyFacts facts = pass_message(text);
    EXPECT_EQ(facts.usage, model::Usage{}) << text;
    EXPECT_EQ(facts.unread, 1u) << text;
  }
  // Names that are written with escapes, and many of them, are read all the same.
  std::string many = R"({"us\u0061ge":{)";
  for (int i = 0; i < 40; ++i) many += "\"x" + std::to_string(i) + "\":[{}],";
  EXPECT_EQ(pass_message(many + R"("output\u005ftokens":5}})").usage,
            (model::Usage{.known = true, .output_tokens = 5}));
}

TEST(UsageTap, cuts_long_texts) {
  std::string body =
      R"({"id":"a","model":")" + std::string(kFactBytesMax + 50, 'm') + R"(","stop_reason":null,"usage":null})";
  ReplyFacts facts = pass_message(body);
  EXPECT_EQ(facts.model, std::string(kFactBytesMax, 'm'));
  EXPECT_EQ(facts.stop_reason, "");
  EXPECT_FALSE(facts.usage.known);
  EXPECT_EQ(facts.unread, 0u);
}

TEST(UsageTap, reads_messages_that_nest_deeper_than_requests_may) {
  std::string deep = std::string(500, '[') + std::string(500, ']');
  ReplyFacts facts =
      pass_message(R"({"content":[{"type":"tool_use","input":{"x":)" + deep + R"(}}],"usage":{"output_tokens":5}})");
  EXPECT_EQ(facts.usage, (model::Usage{.known = true, .output_tokens = 5}));
}

TEST(Opening, holds_only_the_two_opening_events) {
  EXPECT_EQ(opening("message_start"), Opening::kOpening);
  EXPECT_EQ(opening("ping"), Opening::kOpening);
  EXPECT_EQ(opening("error"), Opening::kError);
  for (std::string_view name : {"content_block_start", "content_block_delta", "content_block_stop", "message_delta",
                                "message_stop", "future_event", "", "Ping", "message_start2"}) {
    EXPECT_EQ(opening(name), Opening::kContent) << name;
  }
}

TEST(ReadError, reads_the_vendors_shape_only) {
  struct Case {
    std::string_view body;
    std::optional<VendorError> want;
  };
  const Case cases[] = {
      {R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"})",
       VendorError{"overloaded_error", ""}},
      {R"({"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached","x":1}}})",
       VendorError{"rate_limit_error", "enforced_spend_limit_reached"}},
      {R"({"type":"error","error":{"details":null,"type":"api_error"}})", VendorError{"api_error", ""}},
      {R"({"type":"error","error":{"type":"api_error","details":{"error_code":7}}})", VendorError{"api_error", ""}},
      {R"({"type":"error","error":{"type":"api_error","details":[]}})", VendorError{"api_error", ""}},
      {R"({"type":"error","error":{"message":"m"}})", std::nullopt},
      {R"({"type":"error","error":{"type":null}})", std::nullopt},
      {R"({"type":"error","error":"x"})", std::nullopt},
      {R"({"type":"error"})", std::nullopt},
      {R"({"type":"message","error":{"type":"api_error"}})", std::nullopt},
      {R"({"error":{"type":"invalid_request_error","code":null}})", std::nullopt},
      {R"({"type":"error","error":{"type":"a","type":"b"}})", std::nullopt},
      {"<html>413</html>", std::nullopt},
      {"", std::nullopt},
  };
  TapRoom room;
  for (const Case& c : cases) EXPECT_EQ(read_error(c.body, room), c.want) << c.body;
}

}  // namespace
}  // namespace baton::stream
