#include "store/postgres.h"

#include <gtest/gtest.h>

namespace baton::store {
namespace {

TEST(Postgres, what_a_server_refuses_in_a_text_is_replaced) {
  using namespace std::string_literals;
  const std::pair<std::string, std::string> rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"a\0b"s, "a?b"},
      {"gr\xc3\xbc\xc3\x9f, \xe4\xbd\xa0, \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f, \xe4\xbd\xa0, \xf0\x9f\x98\x80"},
      {"\x80", "?"},
      {"\xc3", "?"},
      {"\xc3z", "?z"},
      {"\xc0\xaf", "??"},            // longer than it need be
      {"\xe0\x80\xaf", "???"},       // so is this
      {"\xed\xa0\x80", "???"},       // half a surrogate pair
      {"\xf4\x90\x80\x80", "????"},  // beyond the last character
      {"\xf0\x9f\x98", "???"},       // cut
      {"\xe4\xbd\xa0\xff", "\xe4\xbd\xa0?"},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(utf8_text(text), want) << want;
}

TEST(Postgres, a_server_that_is_not_there_is_said_without_the_password) {
  for (const char* url : {"postgresql://baton:canary@127.0.0.1:1/baton", "postgresql://baton:canary@/baton?port=x",
                          "postgresql://[canary"}) {
    const auto opened = Postgres::open({.url = Secret(url)}, {});
    ASSERT_FALSE(opened) << url;
    EXPECT_EQ(opened.error().error.code, ErrorCode::kStore);
    EXPECT_EQ(opened.error().error.detail.find('\n'), std::string::npos);
    EXPECT_EQ(opened.error().error.detail.find("canary"), std::string::npos) << opened.error().error.detail;
  }
}

}  // namespace
}  // namespace baton::store
