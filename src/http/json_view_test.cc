#include "http/json_view.h"

#include <gtest/gtest.h>

#include <vector>

namespace baton::http {
namespace {

TEST(JsonView, ExtentEndsWithTheValue) {
  struct Row {
    std::string name;
    std::string text;
    std::string want;
  };
  const Row rows[] = {
      {"number", "12.5e3, 4", "12.5e3"},
      {"literal before a bracket", "true]", "true"},
      {"string with escaped quotes", R"("a\"b\\" , "c")", R"("a\"b\\")"},
      {"string of backslashes", R"("\\\\" x)", R"("\\\\")"},
      {"object with brackets in strings", R"({"a":"}]","b":[{}]} tail)", R"({"a":"}]","b":[{}]})"},
      {"nested arrays", "[[1],[2,[3]]],5", "[[1],[2,[3]]]"},
      {"string without an end", "\"abc", "\"abc"},
      {"object without an end", "{\"a\":1", "{\"a\":1"},
      {"nothing", "", ""},
  };
  for (const Row& row : rows) EXPECT_EQ(row.text.substr(0, json_extent(row.text)), row.want) << row.name;
}

TEST(JsonView, MembersAndElementsComeInOrder) {
  std::string text = " { \"a\" : 1 , \"b\\\"c\":[ 1 , \"x,y\" , {} ], \"d\":{\"e\":null} } ";
  std::vector<std::string> seen;
  JsonMembers members(text);
  while (members.next()) seen.push_back(std::string(members.key) + "=" + std::string(members.value));
  EXPECT_EQ(seen, (std::vector<std::string>{"a=1", "b\\\"c=[ 1 , \"x,y\" , {} ]", "d={\"e\":null}"}));
  seen.clear();
  JsonElements elements(json_member(std::string_view(text).substr(1), "b\\\"c"));
  while (elements.next()) seen.emplace_back(elements.value);
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "\"x,y\"", "{}"}));
  for (const char* empty : {"{}", "{ }", "", "1", "{\"a\"", "{\"a\":"}) {
    JsonMembers none(empty);
    EXPECT_FALSE(none.next()) << empty;
  }
  for (const char* empty : {"[]", "[ ]", "", "1", "["}) {
    JsonElements none(empty);
    EXPECT_FALSE(none.next()) << empty;
  }
}

// It reads text that was validated before; on any other it must only stay inside.
TEST(JsonView, OnlyAnObjectThatIsClosedHasEnded) {
  const auto ended = [](std::string_view text) {
    JsonMembers members(text);
    while (members.next()) {
    }
    return members.ended();
  };
  for (const char* whole : {"{}", " { } ", R"({"a":1})", R"({"a":{"b":[1,"}"]}, "c":"x" } )"})
    EXPECT_TRUE(ended(whole)) << whole;
  for (const char* broken : {"", "{", "}", "[]", "1", R"({"a"})", R"({"a":})", R"({"a":1)", R"({"a":1,})",
                             R"({,"a":1})", R"({"a":1}})", R"({"a":1} x)", R"({"a":1 2})", R"({"a":1,b})", R"({"a":"x)",
                             R"({"a":[1})", R"({"a":1,"b"})", R"({"a" 1})", R"({a:1})"}) {
    EXPECT_FALSE(ended(broken)) << broken;
  }
}

TEST(JsonView, CutTextIsNeverReadBeyondItsEnd) {
  std::string whole = R"({"a":[{"b":"c\"d"},12,{"e":{"f":[true,null]}}],"g":"\\"})";
  for (size_t size = 0; size <= whole.size(); ++size) {
    std::vector<char> exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    std::string_view text(exact.data(), exact.size());
    size_t bytes = 0;
    JsonMembers members(text);
    while (members.next()) {
      JsonElements elements(members.value);
      while (elements.next()) bytes += elements.value.size();
    }
    EXPECT_LE(bytes, size);
  }
}

TEST(JsonView, TextIsUnescapedOnlyWhenItMustBe) {
  std::string room;
  std::string plain = "\"plain\"";
  EXPECT_EQ(json_text(plain, room).data(), plain.data() + 1);
  EXPECT_EQ(json_text(R"("a\u4f60\n")", room), "a你\n");
  EXPECT_EQ(json_text("12", room), "");
  for (const char* span : {R"("")", R"("plain")", R"("a\"b\\c\/\n")", R"("\u0041\u007f\u0080\u07FF\u0800\uffff")",
                           R"("\ud83d\ude80 \uD83D\uDE80")", R"("\u00e9\u00E9x\\u0041")", "12"}) {
    EXPECT_EQ(json_text_size(span), json_text(span, room).size()) << span;
  }
  EXPECT_EQ(json_text("\"", room), "");
}

}  // namespace
}  // namespace baton::http
