#include "dialect/prompt_prefixes.h"

#include <gtest/gtest.h>

#include <string>

#include "dialect/anthropic_call.h"

namespace baton::dialect {
namespace {

using model::CacheMark;
using model::Prompt;

constexpr std::string_view kMark = R"(,"cache_control":{"type":"ephemeral"})";
constexpr std::string_view kLongMark = R"(,"cache_control":{"type":"ephemeral","ttl":"1h"})";

std::string text_block(std::string_view text, std::string_view mark = "") {
  return R"({"type":"text","text":")" + std::string(text) + "\"" + std::string(mark) + "}";
}
std::string message(std::string_view role, std::string_view content) {
  return R"({"role":")" + std::string(role) + R"(","content":)" + std::string(content) + "}";
}
std::string blocks(std::string_view inside) { return "[" + std::string(inside) + "]"; }

Prompt read(const PromptSpans& spans, uint64_t seed = 1) { return read_prompt(spans, seed); }

TEST(PromptPrefixes, come_in_the_vendors_order_and_end_at_the_last_mark) {
  const std::string tools = R"([{"name":"a","input_schema":{"type":"object"}},{"name":"later","defer_loading":true}])";
  const std::string system = blocks(text_block(std::string(400, 's'), kLongMark));
  const std::string messages = blocks(message("user", blocks(text_block(std::string(800, 'u'), kMark))) + "," +
                                      message("user", "\"behind it\""));
  const Prompt prompt = read({.tools = tools, .system = system, .messages = messages});
  ASSERT_EQ(prompt.prefixes.size(), 3u);
  EXPECT_EQ(prompt.prefixes[0].mark, CacheMark::kNone);
  EXPECT_EQ(prompt.prefixes[1].mark, CacheMark::k1h);
  EXPECT_EQ(prompt.prefixes[2].mark, CacheMark::k5m);
  EXPECT_LT(prompt.prefixes[0].tokens, prompt.prefixes[1].tokens);
  EXPECT_NEAR(prompt.prefixes[2].tokens - prompt.prefixes[1].tokens, 203, 2);
  EXPECT_GT(prompt.tokens, prompt.prefixes[2].tokens);
}

TEST(PromptPrefixes, without_a_mark_there_are_none) {
  const std::string messages = blocks(message("user", "\"hello\""));
  for (std::string_view control : {"", "null"}) {
    const Prompt prompt = read({.messages = messages, .cache_control = control});
    EXPECT_FALSE(prompt.cacheable()) << control;
    EXPECT_GT(prompt.tokens, 0u);
  }
  EXPECT_TRUE(read({.messages = messages, .cache_control = R"({"type":"ephemeral"})"}).cacheable());
}

TEST(PromptPrefixes, a_turn_is_found_again_when_the_mark_has_moved_on) {
  const std::string first = text_block("question", kMark);
  const std::string then = "\"question\"";  // a block that has become a plain string
  const Prompt before = read({.messages = blocks(message("user", blocks(first)))});
  const Prompt after = read({.messages = blocks(message("user", then) + "," + message("assistant", "\"answer\"") + "," +
                                                message("user", blocks(text_block("more", kMark))))});
  ASSERT_EQ(before.prefixes.size(), 1u);
  ASSERT_EQ(after.prefixes.size(), 3u);
  EXPECT_EQ(after.prefixes[0].hash, before.prefixes[0].hash);
  EXPECT_EQ(after.prefixes[0].mark, CacheMark::kNone);
}

TEST(PromptPrefixes, what_changes_a_prefix_and_what_does_not) {
  const std::string tools = R"([{"name":"a"}])";
  const std::string system = blocks(text_block("rules", kMark));
  const std::string messages = blocks(message("user", blocks(text_block("q", kMark))));
  const Prompt base = read({.tools = tools, .system = system, .messages = messages});
  struct Row {
    const char* name;
    PromptSpans spans;
    uint64_t seed;
    bool system_same;
    bool messages_same;
  };
  const std::string other_tools = R"([{"name":"b"}])";
  const std::string assistant = blocks(message("assistant", blocks(text_block("q", kMark))));
  const std::string other = blocks(message("user", blocks(text_block("r", kMark))));
  const std::string longer = blocks(message("user", blocks(text_block("q", kLongMark))));
  const Row rows[] = {
      {"the same", {.tools = tools, .system = system, .messages = messages}, 1, true, true},
      {"another caller or model", {.tools = tools, .system = system, .messages = messages}, 2, false, false},
      {"other tools", {.tools = other_tools, .system = system, .messages = messages}, 1, false, false},
      {"another text", {.tools = tools, .system = system, .messages = other}, 1, true, false},
      {"another role", {.tools = tools, .system = system, .messages = assistant}, 1, true, false},
      {"another life", {.tools = tools, .system = system, .messages = longer}, 1, true, true},
      {"a tool_choice",
       {.tools = tools, .system = system, .messages = messages, .tool_choice = R"({"type":"any"})"},
       1,
       true,
       false},
      {"thinking",
       {.tools = tools, .system = system, .messages = messages, .thinking = R"({"type":"adaptive"})"},
       1,
       true,
       false},
  };
  for (const Row& row : rows) {
    const Prompt prompt = read(row.spans, row.seed);
    ASSERT_EQ(prompt.prefixes.size(), 3u) << row.name;
    EXPECT_EQ(prompt.prefixes[1].hash == base.prefixes[1].hash, row.system_same) << row.name;
    EXPECT_EQ(prompt.prefixes[2].hash == base.prefixes[2].hash, row.messages_same) << row.name;
  }
}

TEST(PromptPrefixes, a_mark_inside_a_tool_result_is_the_results_own) {
  const std::string plain = R"({"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x"}]})";
  const std::string marked =
      R"({"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]})";
  const Prompt first = read({.messages = blocks(message("user", blocks(marked)))});
  ASSERT_EQ(first.prefixes.size(), 1u);
  const Prompt second = read({.messages = blocks(message("user", blocks(plain + "," + text_block("y", kMark))))});
  ASSERT_EQ(second.prefixes.size(), 2u);
  EXPECT_EQ(first.prefixes[0].hash, second.prefixes[0].hash);
}

TEST(PromptPrefixes, are_bounded_by_marks_and_look_back) {
  for (size_t every : {1u, 7u, 19u, 20u, 21u, 39u, 40u, 41u, 60u, 100u}) {
    std::string messages;
    size_t marks = 0;
    for (size_t i = 1; i <= 600; ++i) {
      if (i > 1) messages += ",";
      const bool mark = i % every == 0 && marks < 6;
      marks += mark;
      messages += message("user", blocks(text_block("t" + std::to_string(i), mark ? kMark : "")));
    }
    const Prompt prompt = read({.messages = blocks(messages)});
    const size_t want = model::kCacheMarksMax * std::min(every, model::kCacheLookback);
    EXPECT_EQ(prompt.prefixes.size(), want) << every;
    EXPECT_EQ(prompt.prefixes.back().mark, CacheMark::k5m);
    EXPECT_LE(prompt.prefixes.size(), model::kPrefixesMax);
    for (size_t i = 1; i < prompt.prefixes.size(); ++i)
      EXPECT_LT(prompt.prefixes[i - 1].tokens, prompt.prefixes[i].tokens);
  }
}

TEST(PromptPrefixes, are_read_with_the_call_only_when_asked_for) {
  std::string body = R"({"model":"claude-sonnet-5-5","max_tokens":1,"messages":)" +
                     blocks(message("user", blocks(text_block("q", kMark)))) + "}";
  const size_t size = body.size();
  body.append(http::kJsonPadding, ' ');
  const std::string_view text = std::string_view(body).substr(0, size);
  http::JsonScanner scanner;
  EXPECT_FALSE(read_call(text, scanner)->prompt.cacheable());
  const auto one = read_call(text, scanner, Conversation::kIgnored, 1);
  const auto two = read_call(text, scanner, Conversation::kIgnored, 2);
  ASSERT_TRUE(one->prompt.cacheable());
  EXPECT_NE(one->prompt.prefixes[0].hash, two->prompt.prefixes[0].hash);
}

}  // namespace
}  // namespace baton::dialect
