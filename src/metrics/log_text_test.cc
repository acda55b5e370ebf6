#include "metrics/log_text.h"

#include <gtest/gtest.h>

namespace baton::metrics {
namespace {

TEST(LogText, NothingInATextCanActOnWhoReadsTheLog) {
  struct {
    const char* name;
    std::string_view input;
    std::string_view want;
  } const cases[] = {
      {"empty", "", ""},
      {"plain", "claude-opus 4.5~", "claude-opus 4.5~"},
      {"quote and backslash", "a\"b\\c", "a\\\"b\\\\c"},
      {"line ends", "a\r\nb", "a\\u000d\\u000ab"},
      {"nul", std::string_view("a\0b", 3), "a\\u0000b"},
      {"ANSI escape", "\x1b[31mred", "\\u001b[31mred"},
      {"DEL", "\x7f", "\\u007f"},
      {"C1 control sequence introducer", "\xc2\x9b", "\\u009b"},
      {"right-to-left override", "\xe2\x80\xae", "\\u202e"},
      {"isolates", "\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"},
      {"arabic letter mark", "\xd8\x9c", "\\u061c"},
      {"zero width space", "\xe2\x80\x8b", "\\u200b"},
      {"line separator", "\xe2\x80\xa8", "\\u2028"},
      {"byte order mark", "\xef\xbb\xbf", "\\ufeff"},
      {"kept: accents, CJK, emoji", "é漢😀", "é漢😀"},
      {"invalid byte",
       "a\xff"
       "b",
       "a\\ufffdb"},
      {"lone continuation", "\x80", "\\ufffd"},
      {"cut sequence", "\xe6\xbc", "\\ufffd\\ufffd"},
      {"overlong slash", "\xc0\xaf", "\\ufffd\\ufffd"},
      {"overlong three bytes", "\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"},
      {"surrogate", "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
      {"beyond Unicode", "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
  };
  for (const auto& c : cases) {
    std::string out;
    append_escaped(out, c.input);
    EXPECT_EQ(out, c.want) << c.name;
  }
  std::string quoted;
  append_quoted(quoted, "a\"");
  EXPECT_EQ(quoted, "\"a\\\"\"");
  std::string shown;
  append_shown(shown, "say \"hi\" \\ \x1b[2J");
  EXPECT_EQ(shown, "say \"hi\" \\ \\u001b[2J");
}

TEST(LogText, WhatIsNotPlainIsFoundAtAnyPlaceOfALongText) {
  const std::pair<std::string_view, std::string_view> kinds[] = {
      {"\"", "\\\""},      {"\\", "\\\\"}, {"\x7f", "\\u007f"}, {"\x1f", "\\u001f"},
      {"\xff", "\\ufffd"}, {"é", "é"},     {"~", "~"},          {" ", " "}};
  for (const auto& [input, want] : kinds) {
    for (size_t before = 0; before < 40; ++before) {
      std::string out;
      append_escaped(out, std::string(before, 'x') + std::string(input) + std::string(20, 'y'));
      EXPECT_EQ(out, std::string(before, 'x') + std::string(want) + std::string(20, 'y'));
    }
  }
}

TEST(LogText, ACutNeverEndsInsideACharacter) {
  struct {
    const char* name;
    std::string_view input;
    size_t max;
    std::string_view want;
  } const cases[] = {
      {"short enough", "abc", 3, "abc"},
      {"plain", "abcd", 3, "abc"},
      {"two bytes", "aé", 2, "a"},
      {"three bytes", "漢字", 5, "漢"},
      {"four bytes", "😀😀", 7, "😀"},
      {"nothing fits", "😀", 3, ""},
      {"not UTF-8 at all", "\x80\x80\x80\x80\x80\x80", 5, "\x80\x80"},
  };
  for (const auto& c : cases) EXPECT_EQ(cut(c.input, c.max), c.want) << c.name;
}

}  // namespace
}  // namespace baton::metrics
