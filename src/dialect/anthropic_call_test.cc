#include "dialect/anthropic_call.h"

#include <gtest/gtest.h>

namespace baton::dialect {
namespace {

Expected<CallFacts> read(std::string body) {
  const size_t size = body.size();
  body.append(http::kJsonPadding, 'x');
  http::JsonScanner scanner;
  return read_call(std::string_view(body).substr(0, size), scanner);
}

TEST(ReadCall, ReadsWhatTheRelayNeeds) {
  struct {
    std::string_view name;
    std::string body;
    std::string_view model;
    bool stream;
    std::optional<int64_t> max_tokens;
  } const cases[] = {
      {"all three", R"({"model":"claude-x","max_tokens":1024,"stream":true,"messages":[]})", "claude-x", true, 1024},
      {"nothing: the vendor's 400 tells", "{}", "", false, {}},
      {"not streamed", R"({"stream":false})", "", false, {}},
      {"blanks around values", "{ \"stream\" :\n true , \"model\" : \"m\" }", "m", true, {}},
      {"an escaped key is the same key", R"({"mod\u0065l":"m"})", "m", false, {}},
      {"an escaped value is the same value", R"({"model":"cl\u0061ude"})", "claude", false, {}},
      {"fields below the top are not read",
       R"({"metadata":{"model":1,"stream":"x"},"tools":[{"model":[]}]})",
       "",
       false,
       {}},
      {"hostile texts are inert",
       R"({"model":"../%00;{{","api_base":"http://169.254.169.254"})",
       "../%00;{{",
       false,
       {}},
      {"max_tokens 0 warms the cache", R"({"max_tokens":0})", "", false, 0},
      {"max_tokens as text is the vendor's matter", R"({"max_tokens":"5"})", "", false, {}},
      {"max_tokens null is the vendor's matter", R"({"max_tokens":null})", "", false, {}},
      {"max_tokens with a fraction is not read", R"({"max_tokens":1.5})", "", false, {}},
      {"max_tokens with an exponent is not read", R"({"max_tokens":1e3})", "", false, {}},
      {"max_tokens beyond int64 is not read", R"({"max_tokens":9223372036854775808})", "", false, {}},
      {"max_tokens at the end of int64", R"({"max_tokens":9223372036854775807})", "", false, INT64_MAX},
      {"a negative max_tokens is the vendor's matter", R"({"max_tokens":-1})", "", false, -1},
      {"the longest model", R"({"model":")" + std::string(kModelBytesMax, 'm') + "\"}", std::string_view(), false, {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto facts = read(c.body);
    ASSERT_TRUE(facts.has_value()) << facts.error().detail;
    if (c.name == "the longest model") {
      EXPECT_EQ(facts->model, std::string(kModelBytesMax, 'm'));
    } else {
      EXPECT_EQ(facts->model, c.model);
    }
    EXPECT_EQ(facts->stream, c.stream);
    EXPECT_EQ(facts->max_tokens, c.max_tokens);
  }
}

TEST(ReadCall, RefusesWhatTwoReadersCouldReadDifferently) {
  struct {
    std::string_view name;
    std::string body;
    std::string_view sentence;  // a part of it
  } const cases[] = {
      {"an array", "[]", ""},
      {"a number", "1", ""},
      {"nothing", "", ""},
      {"model twice", R"({"model":"a","model":"b"})", ""},
      {"model twice, once escaped", R"({"model":"a","mod\u0065l":"b"})", ""},
      {"any key twice", R"({"x":1,"x":1})", ""},
      {"cut", R"({"model":"a")", ""},
      {"a BOM", "\xef\xbb\xbf{}", ""},
      {"model is a number", R"({"model":5})", "model: must be a string"},
      {"model is null", R"({"model":null})", "model: must be a string"},
      {"model is a list", R"({"model":["a"]})", "model: must be a string"},
      {"model has CR LF", R"({"model":"a\r\nb"})", "printable ASCII"},
      {"model has NUL", R"({"model":"a\u0000"})", "printable ASCII"},
      {"model is not ASCII", "{\"model\":\"\xc3\xa4\"}", "printable ASCII"},
      {"model has a lone surrogate", R"({"model":"\ud800"})", "printable ASCII"},
      {"model one too long", R"({"model":")" + std::string(kModelBytesMax + 1, 'm') + "\"}", "at most 256"},
      {"model of 10 KB", R"({"model":")" + std::string(10'000, 'm') + "\"}", "at most 256"},
      {"stream is text", R"({"stream":"true"})", "stream: must be true or false"},
      {"stream is a number", R"({"stream":1})", "stream: must be true or false"},
      {"stream is null", R"({"stream":null})", "stream: must be true or false"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto facts = read(c.body);
    ASSERT_FALSE(facts.has_value());
    EXPECT_EQ(facts.error().code, ErrorCode::kBadRequest);
    EXPECT_EQ(facts.error().fault, Fault::kClient);
    EXPECT_NE(facts.error().detail.find(c.sentence), std::string::npos) << facts.error().detail;
    EXPECT_FALSE(facts.error().detail.empty());
  }
}

TEST(JsonContentType, IsJsonInUtf8) {
  struct {
    std::string_view value;
    bool want;
  } const cases[] = {
      {"application/json", true},
      {"Application/JSON", true},
      {" application/json ", true},
      {"application/json; charset=utf-8", true},
      {"application/json;charset=\"UTF-8\"", true},
      {"application/json; profile=x; Charset=Utf-8", true},
      {"application/json; charset=utf-16", false},
      {"application/json; charset=utf-8; charset=latin1", false},
      {"application/json; charset", false},
      {"application/json; charset=", false},
      {"application/json; charsetx=1", true},
      {"text/plain", false},
      {"application/jsonp", false},
      {"multipart/form-data; boundary=x", false},
      {"", false},
  };
  for (const auto& c : cases) EXPECT_EQ(is_json_content_type(c.value), c.want) << c.value;
}

uint64_t conversation(std::string body, size_t bytes = kConversationBytesMin) {
  body.resize(std::max(body.size(), bytes), ' ');
  body.reserve(body.size() + http::kJsonPadding);
  http::JsonScanner scanner;
  auto facts = read_call(body, scanner, Conversation::kWanted);
  EXPECT_TRUE(facts) << body;
  return facts ? facts->conversation : 0;
}

TEST(Conversation, the_calls_of_one_conversation_share_a_hash) {
  const std::string first =
      R"({"model":"m","system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})";
  const uint64_t hash = conversation(first);
  EXPECT_NE(hash, 0u);
  struct Row {
    const char* name;
    const char* body;
    bool same;
  };
  const Row rows[] = {
      {"a later turn",
       R"({"model":"m","system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}]})",
       true},
      {"another order of fields",
       R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"system":"s","model":"n"})", true},
      {"a mark that has moved",
       R"({"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]})",
       true},
      {"a mark in front",
       R"({"system":"s","messages":[{"role":"user","content":[{"cache_control": {"type":"ephemeral","ttl":"1h"}, "type":"text","text":"a"}]}]})",
       true},
      {"a mark that is none",
       R"({"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":null}]}]})",
       true},
      {"another first turn", R"({"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"b"}]}]})",
       false},
      {"another system", R"({"system":"t","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})",
       false},
      {"with tools",
       R"({"tools":[{"name":"x"}],"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})",
       false},
      {"a user id",
       R"({"metadata":{"user_id":"u"},"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})",
       false},
  };
  for (const Row& row : rows) EXPECT_EQ(conversation(row.body) == hash, row.same) << row.name;
  EXPECT_EQ(conversation(R"({"metadata":{"user_id":"u"},"system":"s"})"),
            conversation(R"({"system":"t","metadata":{"user_id":"u"}})"));
  EXPECT_EQ(conversation(R"({"model":"m"})"), 0u);
  EXPECT_EQ(conversation(first, kConversationBytesMin - 1), 0u);  // too short for a cache
}

TEST(Conversation, the_first_element_of_an_array_is_found) {
  struct Row {
    const char* array;
    const char* want;
  };
  const Row rows[] = {{"[]", ""},
                      {" [ ] ", ""},
                      {"[1,2]", "1"},
                      {"[ \"a,]\" , 2]", "\"a,]\" "},
                      {"[{}]", "{}"},
                      {"[[1,2],3]", "[1,2]"},
                      {R"([{"a":"}\"]"},2])", R"({"a":"}\"]"})"},
                      {"", ""}};
  for (const Row& row : rows) EXPECT_EQ(first_element(row.array), row.want) << row.array;
}

}  // namespace
}  // namespace baton::dialect
