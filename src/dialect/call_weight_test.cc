#include "dialect/call_weight.h"

#include <gtest/gtest.h>

namespace baton::dialect {
namespace {

constexpr int64_t kAll = kContextTokens;

struct Case {
  const char* name;
  const char* text;
  std::optional<int64_t> max_tokens;
  model::CallWeight want;
};

TEST(Weigh, is_never_below_what_may_be_charged) {
  const Case cases[] = {
      {"a byte is a token", R"({"a":"hello"})", 64, {13 + kUnseenTokens, 64, 0, 0}},
      {"no max_tokens", R"({})", {}, {2 + kUnseenTokens, kOutputTokensMax, 0, 0}},
      {"a negative max_tokens", R"({})", -5, {2 + kUnseenTokens, 0, 0, 0}},
      {"two pictures", R"([{"type":"image"},{"type": "image"}])", 1, {36 + kUnseenTokens + 2 * kImageTokens, 1, 0, 0}},
      {"a document", R"({"type":"document"})", 1, {kAll, 1, 0, 0}},
      {"a picture by its URL", R"({"type":"image","source":{"type":"url"}})", 1, {kAll, 1, 0, 0}},
      {"a name behind an escape counts as everything",
       R"({"type":"\u0069mage"})",
       1,
       {kAll * 11, 11, 2 * kServerToolUsesUnlimited, 2 * kServerToolUsesUnlimited}},
      {"escapes of usual writers hide nothing", R"({"t":"\u003c\u00e9\u2019"})", 1, {26 + kUnseenTokens, 1, 0, 0}},
      {"searches as many as stated",
       R"({"tools":[{"type":"web_search_20260209","name":"web_search","max_uses": 3}]})",
       10,
       {kAll * 4, 40, 3, 0}},
      {"searches without a limit",
       R"({"tools":[{"type":"web_search_20260209"}]})",
       10,
       {kAll * 11, 110, kServerToolUsesUnlimited, 0}},
      {"a fetch and a search of which one is limited",
       R"({"tools":[{"type":"web_search_1","max_uses":1},{"type":"web_fetch_1"}]})",
       1,
       {kAll * 11, 11, 1 + kServerToolUsesUnlimited, 1 + kServerToolUsesUnlimited}},
      {"servers behind a connector", R"({"mcp_servers":[]})", 1, {kAll * 11, 11, 0, 0}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const model::CallWeight got = weigh(one.text, names_in(one.text), one.max_tokens);
    EXPECT_EQ(got.input_tokens, one.want.input_tokens);
    EXPECT_EQ(got.output_tokens, one.want.output_tokens);
    EXPECT_EQ(got.web_searches, one.want.web_searches);
    EXPECT_EQ(got.web_fetches, one.want.web_fetches);
  }
}

TEST(Weigh, a_large_body_is_no_more_than_the_context) {
  const std::string text(3'000'000, 'x');
  EXPECT_EQ(weigh(text, names_in(text), 1).input_tokens, kAll);
}

}  // namespace
}  // namespace baton::dialect
