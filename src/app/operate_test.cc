#include "app/operate.h"

#include <gtest/gtest.h>

namespace baton::app {
namespace {

TEST(OperateText, accounts_are_a_table_with_a_line_per_class_of_limits) {
  const std::string text = accounts_table(
      R"({"accounts":[{"name":"main","state":"benched","reason":"it named a time","until":"2026-11-24T13:00:05.000Z","in_flight":3,)"
      R"("limits":[{"class":"opus","requests":{"limit":50,"remaining":7},"input_tokens":null,"output_tokens":null},)"
      R"({"class":"sonnet","requests":null,"input_tokens":{"limit":2000000,"remaining":1234567},"output_tokens":null}]},)"
      R"({"name":"spare\u001b[2J","state":"ready","reason":null,"until":null,"in_flight":0,"limits":[]}],)"
      R"("queue":{"waiting":2}})");
  EXPECT_EQ(
      text,
      "ACCOUNT         STATE    OPEN  FOR     REQUESTS  INPUT        OUTPUT  WHY\n"
      "main            benched  3     opus    7/50      -            -       it named a time (until 13:00:05 UTC)\n"
      "                               sonnet  -         1235k/2000k  -\n"
      "spare\\u001b[2J  ready    0     -       -         -            -\n"
      "\n2 calls wait for an account.\n")
      << text;
}

TEST(OperateText, a_story_tells_every_attempt_and_the_money) {
  const std::string text = call_story(
      R"({"id":"req_1","time":"2026-11-24T13:00:05.123Z","operation":"messages","stream":true,"key":"laptop","team":"web","tags":"env=ci",)"
      R"("model":"claude-x","session":"","status":200,"ending":"complete","error":"","duration_ms":1530.4,"added_ms":0.4,"waited_ms":230,)"
      R"("cost":"0.0123","tokens":{"input":12,"output":34,"cache_read":5,"cache_write":0},"attempts":[)"
      R"({"account":"a","result":"rate_limited","status":429,"first_byte_ms":0,"total_ms":120,"cost":"0.00","tokens":{"input":0,"output":0,"cache_read":0,"cache_write":0}},)"
      R"({"account":"b","result":"ok","status":200,"first_byte_ms":300,"total_ms":1180,"cost":null,"tokens":{"input":12,"output":34,"cache_read":5,"cache_write":0}}]})");
  EXPECT_EQ(text,
            "req_1  2026-11-24T13:00:05.123Z\n"
            "  messages, streamed, by laptop of web (env=ci)\n"
            "  model claude-x\n"
            "  attempt 1  a  rate_limited 429  120 ms in all  $0.00\n"
            "  attempt 2  b  ok 200  first byte after 300 ms, 1.2 s in all  in 12 out 34 cached 5  cost not known\n"
            "  waited 230 ms besides its attempts; Baton added 0.4 ms before the first byte\n"
            "  answered with 200 (complete) after 1.5 s; in 12 out 34 cached 5; $0.0123\n")
      << text;
}

TEST(OperateText, a_call_is_one_line) {
  EXPECT_EQ(
      call_line(
          R"({"id":"req_1","time":"2026-11-24T13:00:05.123Z","status":529,"duration_ms":99,"key":"laptop","model":"",)"
          R"("attempts":2,"ending":"refused","error":"no_account","tokens":{"input":0,"output":0}})"),
      "13:00:05  529     99 ms  laptop  -  2 attempts  refused  no_account  in 0 out 0  req_1\n");
}

TEST(OperateText, a_test_says_whether_it_works) {
  EXPECT_EQ(
      test_line(
          R"({"name":"a","status":200,"latency_ms":210,"models":["x","y"],"error":null,"limits":{"requests":{"limit":50,"remaining":49},"input_tokens":null,"output_tokens":null}})"),
      "a: works, answered in 210 ms, 2 models, requests 49/50\n");
  EXPECT_EQ(
      test_line(
          R"({"name":"a","status":401,"latency_ms":21,"models":[],"error":"status 401: invalid x-api-key","limits":{}})"),
      "a: FAILED in 21 ms, 0 models: status 401: invalid x-api-key\n");
}

TEST(OperateText, the_cache_is_three_lines) {
  EXPECT_EQ(
      cache_lines(
          R"({"entries":12,"bytes":3400000,"hits":30,"misses":10,"hit_ratio":0.8,"stale":10,"coalesced":4,"saved":"1.25"})"),
      "kept     12 replies, 3.4 MB\n"
      "asked    30 hits, 10 stale, 10 misses (80 % reused); 4 read along\n"
      "saved    $1.25 since the start\n");
}

TEST(OperateText, an_empty_answer_is_no_trap) {
  for (const char* text : {"{}", "{\"accounts\":null}", "{\"accounts\":[{}]}"}) {
    EXPECT_FALSE(accounts_table(text).empty());
    EXPECT_FALSE(overview_lines(text).empty());
    EXPECT_FALSE(call_line(text).empty());
    EXPECT_FALSE(call_story(text).empty());
    EXPECT_FALSE(test_line(text).empty());
    EXPECT_FALSE(cache_lines(text).empty());
  }
}

}  // namespace
}  // namespace baton::app
