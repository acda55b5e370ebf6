#include "dialect/body_names.h"

#include <gtest/gtest.h>

#include <string>

namespace baton::dialect {
namespace {

size_t count(std::string_view text, std::string_view word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
  return found;
}

// The slow twin: a search for each name.
BodyNames slowly(std::string_view text) {
  const auto has = [&](std::string_view word) { return count(text, word) > 0; };
  BodyNames names{
      .images = static_cast<int64_t>(count(text, "\"image\"")),
      .web_searches = static_cast<int64_t>(count(text, "\"web_search_")),
      .web_fetches = static_cast<int64_t>(count(text, "\"web_fetch_")),
      .cache_control = has("\"cache_control\""),
      .file_id = has("\"file_id\""),
      .unsized = has("\"document\"") || has("\"url\"") || has("\"file_id\"") || has("\"file\"") ||
                 has("\"container\"") || has("\"context_management\""),
      .server_tools = has("\"code_execution_") || has("\"mcp_servers\"") || has("\"tool_search_") || has("\"advisor_")};
  for (const char* digit : {"4", "5", "6", "7"}) names.escaped_letters |= has(std::string("\\u00") + digit);
  return names;
}

void expect_same(std::string_view text) {
  const BodyNames got = names_in(text);
  const BodyNames want = slowly(text);
  EXPECT_EQ(got.images, want.images) << text;
  EXPECT_EQ(got.web_searches, want.web_searches) << text;
  EXPECT_EQ(got.web_fetches, want.web_fetches) << text;
  EXPECT_EQ(got.cache_control, want.cache_control) << text;
  EXPECT_EQ(got.file_id, want.file_id) << text;
  EXPECT_EQ(got.unsized, want.unsized) << text;
  EXPECT_EQ(got.server_tools, want.server_tools) << text;
  EXPECT_EQ(got.escaped_letters, want.escaped_letters) << text;
}

TEST(BodyNames, finds_each_name_wherever_it_stands) {
  const char* const kNames[] = {"\"image\"",
                                "\"document\"",
                                "\"url\"",
                                "\"file_id\"",
                                "\"file\"",
                                "\"container\"",
                                "\"context_management\"",
                                "\"cache_control\"",
                                "\"web_search_1\"",
                                "\"web_fetch_1\"",
                                "\"code_execution_1\"",
                                "\"mcp_servers\"",
                                "\"tool_search_x\"",
                                "\"advisor_x\"",
                                "\\u0069",
                                "\\u005f",
                                "\\u00",
                                "\\u003c",
                                "\"",
                                "\\",
                                "\"imag",
                                "\"files\"",
                                "\"image"};
  for (const char* name : kNames) {
    for (size_t before : {0u, 1u, 40u, 57u, 60u, 63u, 64u, 65u, 127u}) {
      for (size_t behind : {0u, 1u, 70u}) {
        expect_same(std::string(before, 'x') + name + std::string(behind, 'y'));
        expect_same(std::string(before, '"') + name + std::string(behind, '"'));
      }
    }
  }
}

TEST(BodyNames, the_same_as_a_search_for_each) {
  const std::string kPieces[] = {"\"image\"", "\"file", "_id\"",   "\"web_", "search_", "fetch_",
                                 "\\u00",     "6",      "\"",      "\\",     "url",     "\"cache_control\"",
                                 " ",         "{",      "document"};
  uint64_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      text += kPieces[(state >> 33) % std::size(kPieces)];
    }
    expect_same(text);
  }
}

}  // namespace
}  // namespace baton::dialect
