#include "reuse/last_text.h"

#include <gtest/gtest.h>

namespace baton::reuse {
namespace {

constexpr std::string_view kHead = R"({"model":"m","max_tokens":9,"messages":)";

TEST(LastTextTest, is_found_and_taken_out_of_calls_that_are_all_text) {
  struct Row {
    std::string messages, text, rest;
  };
  const Row kTable[] = {
      {R"([{"role":"user","content":"a\u0062\n"}])", "ab\n", R"([{"role":"user","content":""}])"},
      {R"([{"role":"user","content":"q"},{"role":"assistant","content":"r"},{"content":"s","role":"user"}])", "s",
       R"([{"role":"user","content":"q"},{"role":"assistant","content":"r"},{"content":"","role":"user"}])"},
      {R"([{"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":"y","cache_control":{"type":"ephemeral"}}]}])",
       "y",
       R"([{"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":"","cache_control":{"type":"ephemeral"}}]}])"},
  };
  JsonTree tree;
  for (const Row& row : kTable) {
    const std::string body = std::string(kHead) + row.messages + "}";
    const auto last = last_user_text(body, tree);
    ASSERT_TRUE(last) << body;
    EXPECT_EQ(last->text, row.text);
    EXPECT_EQ(without(body, *last), std::string(kHead) + row.rest + "}");
  }
}

TEST(LastTextTest, whatever_is_more_than_text_or_is_not_known_has_none) {
  const std::string good = R"("messages":[{"role":"user","content":"q"}])";
  JsonTree tree;
  ASSERT_TRUE(last_user_text("{" + good + "}", tree));
  for (std::string_view more : {R"("tools":[])", R"("tool_choice":{})", R"("thinking":{})", R"("safeguards":{})",
                                R"("mcp_servers":[])", R"("container":"c")", R"("output_format":{})", R"("anything":1)",
                                R"("m\u006fdel":"m")", R"("system":[{"type":"image"}])", R"("system":7)"})
    EXPECT_FALSE(last_user_text("{" + std::string(more) + "," + good + "}", tree)) << more;
  for (std::string_view messages :
       {"[]", "7", R"([{"role":"assistant","content":"q"}])", R"([{"role":"user","content":[]}])",
        R"([{"role":"user","content":[{"type":"image","source":{}},{"type":"text","text":"q"}]}])",
        R"([{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}])",
        R"([{"role":"user","content":[{"type":"document","source":{}},{"type":"text","text":"q"}]}])",
        R"([{"role":"user","content":[{"type":"text","text":"q","citations":{}}]}])",
        R"([{"role":"user","content":[{"type":"text","text":7}]}])", R"([{"role":"user","content":"q","more":1}])",
        R"([{"role":"assistant","content":[{"type":"thinking","thinking":"t"}]},{"role":"user","content":"q"}])"})
    EXPECT_FALSE(last_user_text(std::string(kHead) + std::string(messages) + "}", tree)) << messages;
  EXPECT_FALSE(last_user_text("[]", tree));
}

TEST(LastTextTest, of_a_message_is_all_that_it_says) {
  JsonTree tree;
  EXPECT_EQ(text_of_message(R"({"content":[{"type":"text","text":"a\n"},{"type":"text","text":"b"}]})", tree), "a\nb");
  EXPECT_EQ(text_of_message(R"({"content":[]})", tree), "");
  EXPECT_FALSE(text_of_message(R"({"content":[{"type":"tool_use","id":"t","name":"n","input":{}}]})", tree));
  EXPECT_FALSE(text_of_message(R"({"content":"a"})", tree));
}

}  // namespace
}  // namespace baton::reuse
