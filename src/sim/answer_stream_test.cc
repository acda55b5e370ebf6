#include "sim/answer_stream.h"

#include <gtest/gtest.h>

#include "sim/testing.h"

namespace baton::sim {
namespace {

using namespace testing;

// What a client puts together from a stream; `wrong` says what breaks the grammar.
struct Rebuilt {
  std::string message_start;
  std::vector<std::string> blocks;  // type and content, comparable with the unstreamed ones
  std::string message_delta;
  size_t pings = 0;
  size_t deltas = 0;
  std::string wrong;
};

Rebuilt rebuild(const std::vector<Event>& events) {
  Rebuilt out;
  enum { kBefore, kBetween, kInside, kAfterDelta, kOver } state = kBefore;
  std::string type, content, signature;
  auto wrong = [&](const Event& event) {
    if (out.wrong.empty()) out.wrong = event.name + " " + event.data;
  };
  for (const Event& event : events) {
    if (!is_valid_json(event.data) || text_at(event.data, "type") != event.name) wrong(event);
    if (event.name == "ping") {
      out.pings++;
      continue;
    }
    bool index_ok = event.name.starts_with("content_block")
                        ? number_at(event.data, "index") == static_cast<int64_t>(out.blocks.size())
                        : true;
    if (!index_ok) wrong(event);
    if (event.name == "message_start" && state == kBefore) {
      out.message_start = at_path(event.data, "message");
      state = kBetween;
    } else if (event.name == "content_block_start" && state == kBetween) {
      type = text_at(event.data, "content_block.type");
      content = type == "redacted_thinking" ? text_at(event.data, "content_block.data") : "";
      if (type == "tool_use")
        type += " " + text_at(event.data, "content_block.name") + " " + text_at(event.data, "content_block.id");
      signature.clear();
      state = kInside;
    } else if (event.name == "content_block_delta" && state == kInside) {
      out.deltas++;
      std::string kind = text_at(event.data, "delta.type");
      bool fits = (kind == "text_delta" && type == "text") ||
                  (kind == "input_json_delta" && type.starts_with("tool_use")) ||
                  ((kind == "thinking_delta" || kind == "signature_delta") && type == "thinking");
      if (!fits || !signature.empty()) wrong(event);
      if (kind == "text_delta") content += text_at(event.data, "delta.text");
      if (kind == "thinking_delta") content += text_at(event.data, "delta.thinking");
      if (kind == "input_json_delta") content += text_at(event.data, "delta.partial_json");
      if (kind == "signature_delta") signature = text_at(event.data, "delta.signature");
    } else if (event.name == "content_block_stop" && state == kInside) {
      if (type == "thinking" && signature.empty()) wrong(event);
      out.blocks.push_back(type + "|" + content + "|" + signature);
      state = kBetween;
    } else if (event.name == "message_delta" && state == kBetween) {
      out.message_delta = event.data;
      state = kAfterDelta;
    } else if (event.name == "message_stop" && state == kAfterDelta) {
      state = kOver;
    } else {
      wrong(event);
    }
  }
  if (state != kOver && out.wrong.empty()) out.wrong = "no end";
  return out;
}

std::vector<std::string> blocks_of(std::string_view message) {
  std::vector<std::string> out;
  JsonElements blocks(at_path(message, "content"));
  while (blocks.next()) {
    std::string type = text_at(blocks.value, "type");
    std::string content, signature;
    if (type == "text") content = text_at(blocks.value, "text");
    if (type == "thinking") {
      content = text_at(blocks.value, "thinking");
      signature = text_at(blocks.value, "signature");
    }
    if (type == "redacted_thinking") content = text_at(blocks.value, "data");
    if (type == "tool_use") {
      type += " " + text_at(blocks.value, "name") + " " + text_at(blocks.value, "id");
      content = at_path(blocks.value, "input");
    }
    out.push_back(type + "|" + content + "|" + signature);
  }
  return out;
}

constexpr std::string_view kTools =
    R"(,"tools":[{"name":"probe","description":"d","input_schema":{"type":"object","properties":{"host":{"type":"string"},"count":{"type":"integer","minimum":3},"tags":{"type":"array","items":{"enum":["a","ü"]}}},"required":["host"]}},{"name":"two","input_schema":{"type":"object"}}])";

std::string request(runtime::Random& random, bool stream) {
  std::string text = "question " + std::to_string(random.below(1'000));
  std::string more;
  if (random.chance(0.4)) more += kTools;
  if (random.chance(0.3)) text += " use the tools";
  if (random.chance(0.4))
    more += R"(,"thinking":{"type":"adaptive"})";
  else if (random.chance(0.4))
    more += R"(,"thinking":{"type":"adaptive","display":"omitted"})";
  if (random.chance(0.2)) text += " ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9";
  if (random.chance(0.1)) text += " ANTHROPIC_MAGIC_STRING_TRIGGER_REFUSAL_1FAE";
  if (random.chance(0.3)) more += R"(,"stop_sequences":[" the","👋 relay",", "])";
  if (random.chance(0.1)) text += " use the stop sequence";
  if (random.chance(0.1))
    more +=
        R"(,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}}}}})";
  uint64_t max_tokens = random.chance(0.5) ? random.below(60) : 1'000;
  return R"({"model":"claude-sonnet-5-5","max_tokens":)" + std::to_string(max_tokens) +
         R"(,"messages":[{"role":"user","content":")" + text + "\"}]" + more + (stream ? R"(,"stream":true})" : "}");
}

TEST(AnswerStream, EveryStreamFollowsTheGrammarAndSaysWhatTheMessageSays) {
  std::map<std::string, int> reasons;
  for (uint64_t seed = 1; seed <= 2'000; ++seed) {
    SCOPED_TRACE(seed);
    runtime::Random a(seed), b(seed);
    // Two simulators of one seed give the same ids to their first requests.
    Bench streamed, whole;
    Reply stream = streamed.ask(request(a, true));
    Reply message = whole.ask(request(b, false));
    ASSERT_EQ(stream.status, 200) << stream.content;
    ASSERT_EQ(message.status, 200) << message.content;
    EXPECT_EQ(field_of(stream, "content-type"), "text/event-stream; charset=utf-8");
    Rebuilt rebuilt = rebuild(events_of(content_of(stream)));
    ASSERT_EQ(rebuilt.wrong, "");
    ASSERT_TRUE(is_valid_json(message.content)) << message.content;
    EXPECT_EQ(rebuilt.blocks, blocks_of(message.content));
    EXPECT_EQ(text_at(rebuilt.message_start, "id"), text_at(message.content, "id"));
    std::string reason = text_at(message.content, "stop_reason");
    reasons[reason]++;
    EXPECT_EQ(text_at(rebuilt.message_delta, "delta.stop_reason"), reason);
    EXPECT_EQ(at_path(rebuilt.message_delta, "delta.stop_sequence"), at_path(message.content, "stop_sequence"));
    int64_t output = number_at(message.content, "usage.output_tokens");
    EXPECT_EQ(number_at(rebuilt.message_delta, "usage.output_tokens"), output);
    EXPECT_EQ(number_at(rebuilt.message_start, "usage.input_tokens"), number_at(message.content, "usage.input_tokens"));
    EXPECT_EQ(static_cast<uint64_t>(output), stream.source->tokens_given());
    EXPECT_EQ(rebuilt.pings, rebuilt.blocks.empty() ? 0u : 1u);
  }
  for (const char* reason : {"end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"}) {
    EXPECT_GT(reasons[reason], 10) << reason;
  }
}

TEST(AnswerStream, MaxTokensZeroOnlyWarmsTheCache) {
  Bench bench;
  Reply reply = bench.ask(R"({"model":"claude-opus-5","max_tokens":0,"messages":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(at_path(reply.content, "content"), "[]");
  EXPECT_EQ(text_at(reply.content, "stop_reason"), "max_tokens");
  EXPECT_EQ(number_at(reply.content, "usage.output_tokens"), 0);
}

TEST(AnswerStream, WhatTheReplyIsDependsOnTheRequest) {
  struct Row {
    std::string name;
    std::string body;
    std::string control;
    std::string stop_reason;
    std::string first_types;  // of the content blocks
  };
  std::string tools(kTools);
  const Row rows[] = {
      {"plain text by default", hello(), "", "end_turn", "text"},
      {"tools alone are not used", hello(tools), "", "end_turn", "text"},
      {"tools on request", hello(tools, "Please use the tool now"), "", "tool_use", "text tool_use"},
      {"two tools on request", hello(tools, "Please use the tools"), "", "tool_use", "text tool_use tool_use"},
      {"not in parallel",
       hello(tools + R"(,"tool_choice":{"type":"auto","disable_parallel_tool_use":true})", "use the tools"), "",
       "tool_use", "text tool_use"},
      {"tool_choice any", hello(tools + R"(,"tool_choice":{"type":"any"})"), "", "tool_use", "tool_use"},
      {"tool_choice tool", hello(tools + R"(,"tool_choice":{"type":"tool","name":"two"})"), "", "tool_use", "tool_use"},
      {"tool_choice none", hello(tools + R"(,"tool_choice":{"type":"none"})", "use the tool"), "", "end_turn", "text"},
      {"an answered tool is not asked again",
       R"({"model":"claude-sonnet-5-5","max_tokens":99,"messages":[{"role":"user","content":"use the tool"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"two","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"use the tool"}]}])" +
           tools + "}",
       "", "end_turn", "text"},
      {"thinking", hello(R"(,"thinking":{"type":"adaptive"})"), "", "end_turn", "thinking text"},
      {"thinking disabled", hello(R"(,"thinking":{"type":"disabled"})"), "", "end_turn", "text"},
      {"by control: tool_use", hello(tools), "reply=tool_use", "tool_use", "text tool_use"},
      {"by control: refusal", hello(), "reply=refusal", "refusal", "text"},
      {"by control: pause_turn", hello(), "reply=pause_turn", "pause_turn", "text"},
      {"by control: text", hello(tools + R"(,"tool_choice":{"type":"any"})"), "reply=text", "end_turn", "text"},
      {"stop sequence on request", hello(R"(,"stop_sequences":["ZZZ"])", "use the stop sequence"), "", "stop_sequence",
       "text"},
      {"cut by max_tokens", hello(), "tokens=2000", "max_tokens", "text"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Bench bench;
    Reply reply = bench.ask(Call{.body = row.body, .control = row.control});
    ASSERT_EQ(reply.status, 200) << reply.content;
    EXPECT_EQ(text_at(reply.content, "stop_reason"), row.stop_reason);
    std::string types;
    JsonElements blocks(at_path(reply.content, "content"));
    while (blocks.next()) types += (types.empty() ? "" : " ") + text_at(blocks.value, "type");
    EXPECT_EQ(types, row.first_types);
  }
}

TEST(AnswerStream, OmittedThinkingIsASignatureAlone) {
  Bench bench;
  Reply reply = bench.ask(hello(R"(,"stream":true,"thinking":{"type":"adaptive","display":"omitted"})"));
  auto events = events_of(content_of(reply));
  ASSERT_GT(events.size(), 5u);
  EXPECT_EQ(text_at(events[1].data, "content_block.type"), "thinking");
  EXPECT_EQ(events[2].name, "ping");
  EXPECT_EQ(text_at(events[3].data, "delta.type"), "signature_delta");
  EXPECT_EQ(events[4].name, "content_block_stop");
  EXPECT_EQ(number_at(events[events.size() - 2].data, "usage.output_tokens_details.thinking_tokens"), 10);
}

TEST(AnswerStream, PiecesAreDueInTheirTimeAndSilenceIsBrokenByPings) {
  Config config;
  config.first_token = std::chrono::seconds(40);
  config.per_token = std::chrono::milliseconds(500);
  config.output_tokens = 3;
  Bench bench(config);
  Reply reply = bench.ask(hello(R"(,"stream":true)"));
  std::vector<std::pair<std::string, int64_t>> got;
  while (auto due = reply.source->due()) {
    std::string piece;
    reply.source->append(piece);
    got.emplace_back(events_of(piece).at(0).name, milliseconds(*due));
  }
  const std::vector<std::pair<std::string, int64_t>> want = {{"message_start", 0},
                                                             {"content_block_start", 0},
                                                             {"ping", 0},
                                                             {"ping", 15'000},
                                                             {"ping", 30'000},
                                                             {"content_block_delta", 40'000},
                                                             {"content_block_delta", 40'500},
                                                             {"content_block_delta", 41'000},
                                                             {"content_block_stop", 41'000},
                                                             {"message_delta", 41'000},
                                                             {"message_stop", 41'000}};
  EXPECT_EQ(got, want);
}

}  // namespace
}  // namespace baton::sim
