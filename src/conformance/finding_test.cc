#include "conformance/finding.h"

#include <gtest/gtest.h>

#include "conformance/config.h"

namespace baton::conformance {
namespace {

Reply reply_with(End end, std::string body, int status = 200) {
  Reply reply;
  reply.end = end;
  reply.status = status;
  reply.body_bytes = body.size();
  reply.body = std::move(body);
  return reply;
}

TEST(Finding, how_a_stream_ended) {
  const std::string begin = message_start() + block_start() + text_delta("a");
  const std::string whole_stream = joined(text_stream({"a"}));
  const std::string error = event("error", error_body("api_error", "x"));
  const struct {
    const char* name;
    Reply reply;
    Ending want;
  } cases[] = {
      {"whole", reply_with(End::kComplete, whole_stream), Ending::kFinished},
      {"whole content, but the message is cut", reply_with(End::kCut, whole_stream), Ending::kVisibleCut},
      {"no message_stop", reply_with(End::kComplete, begin), Ending::kTidyEnd},
      {"nothing at all", reply_with(End::kComplete, ""), Ending::kTidyEnd},
      {"an error event and a tidy end", reply_with(End::kComplete, begin + error), Ending::kErrorEvent},
      {"an error event and a cut", reply_with(End::kReset, begin + error), Ending::kErrorEvent},
      {"half an error event", reply_with(End::kComplete, begin + error.substr(0, 20)), Ending::kTidyEnd},
      {"reset", reply_with(End::kReset, begin), Ending::kVisibleCut},
      {"an error status", reply_with(End::kComplete, error_body("api_error", "x"), 502), Ending::kErrorStatus},
      {"no end", reply_with(End::kTimeout, begin), Ending::kSilence},
  };
  for (const auto& one : cases) EXPECT_EQ(ending_of(one.reply), one.want) << one.name;
}

TEST(Finding, the_first_difference_is_shown) {
  EXPECT_FALSE(same_bytes("the body", "abc", "abc"));
  const auto shorter = same_bytes("the body", "abcdef", "abc");
  ASSERT_TRUE(shorter);
  EXPECT_EQ(shorter->verdict, Verdict::kFail);
  EXPECT_EQ(shorter->expected, "the body, from byte 3 on: abcdef");
  EXPECT_EQ(shorter->seen, "3 bytes instead of 6: abc");
  EXPECT_TRUE(same_bytes("the body", "", "x"));
}

TEST(Finding, events_are_compared_without_pings) {
  const std::string plain = joined(text_stream({"one", "two"}));
  const std::string pinged = message_start() + ping() + plain.substr(message_start().size()) + ping();
  EXPECT_FALSE(same_events(plain, pinged));
  EXPECT_FALSE(same_events(plain, ": comment\n\n" + plain));
  const auto lost = same_events(plain, joined(text_stream({"one"})));
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->expected.starts_with("event 4: content_block_delta")) << lost->expected;
  EXPECT_TRUE(lost->seen.starts_with("event 4: content_block_stop")) << lost->seen;
  const auto none = same_events(plain, "");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->seen, "event 1: none any more");
}

TEST(Finding, what_is_shown_is_one_line) {
  const struct {
    std::string_view text;
    std::string want;
  } cases[] = {{"plain \"quoted\"", "plain \"quoted\""},
               {"a\r\nb\t", "a\\r\\nb\\x09"},
               {"\xe6\xbc\xa2", "\xe6\xbc\xa2"},
               {"\xe6\xbc", "\\xe6\\xbc"},
               {"\xff\x7f", "\\xff\\x7f"},
               {"\xc0\x80", "\\xc0\\x80"}};
  for (const auto& one : cases) EXPECT_EQ(shown(one.text), one.want);
  const std::string cut = shown(std::string(5000, 'x'));
  EXPECT_EQ(cut, std::string(kShownBytesMax, 'x') + "... (5000 bytes)");
}

TEST(Finding, json_is_compared_without_the_blanks_between_its_tokens) {
  const struct {
    std::string_view json;
    std::string_view want;
  } cases[] = {{"{ \"a\" : [ 1 , 2 ] }", "{\"a\":[1,2]}"},
               {"\"a  b\"", "\"a  b\""},
               {"\"a \\\" b\" ,\n1", "\"a \\\" b\",1"},
               {"\"\\\\\" : 1", "\"\\\\\":1"},
               {"\"open ", "\"open "}};
  for (const auto& one : cases) EXPECT_EQ(compact(one.json), one.want);
  EXPECT_EQ(keys_of("{ \"b\":1, \"a\":{\"x\":2}}"), (std::vector<std::string>{"b", "a"}));
}

TEST(Finding, a_reply_is_told_in_a_line) {
  Reply reply;
  reply.problem = "refused";
  EXPECT_EQ(describe(reply), "no connection to the gateway: refused");
  EXPECT_EQ(describe(reply_with(End::kComplete, "{}", 404)), "status 404, 2 bytes, complete: {}");
  EXPECT_EQ(describe(reply_with(End::kCut, "", 0)), "the connection closed without an answer");
  EXPECT_EQ(describe(reply_with(End::kTimeout, "", 0)), "no answer in time");
}

}  // namespace
}  // namespace baton::conformance
