#include "ledger/access_line.h"

#include <gtest/gtest.h>

namespace baton::ledger {
namespace {

std::string line_of(const model::Outcome& outcome) {
  std::string out;
  AccessLine().append(out, outcome);
  return out;
}

model::Outcome full_outcome() {
  model::Outcome o;
  o.request_id = "req_1";
  o.upstream_request_id = "req_up";
  o.client = "laptop";
  o.client_address = "127.0.0.1";
  o.operation = model::Operation::kMessages;
  o.method = "POST";
  o.path = "/v1/messages";
  o.model = "claude-opus-4-5";
  o.stream = true;
  o.simulated = true;
  o.status = 200;
  o.ending = model::Ending::kUpstreamCut;
  o.error = "reset";
  o.request_body_bytes = 2048;
  o.reply_body_bytes = 18446744073709551615u;
  o.events = 9;
  o.pings_sent = 1;
  o.usage = {.known = true,
             .input_tokens = 1,
             .output_tokens = 2,
             .cache_creation_input_tokens = 3,
             .cache_read_input_tokens = 4,
             .cache_creation_5m_input_tokens = 5,
             .cache_creation_1h_input_tokens = 6,
             .thinking_tokens = 7,
             .web_search_requests = 8,
             .web_fetch_requests = 9};
  model::Attempt first;
  first.account = "org-a";
  first.result = model::AttemptResult::kReset;
  first.may_have_been_processed = true;
  first.total = std::chrono::microseconds(1002);
  model::Attempt second;
  second.account = "org-b";
  second.status = 200;
  second.may_have_been_processed = true;
  second.total = std::chrono::milliseconds(1234);
  o.attempts = {first, second};
  // 2026-11-24T09:41:07.089Z
  o.started = WallTime(std::chrono::milliseconds(1'795'513'267'089));
  o.duration = std::chrono::microseconds(1'240'050);
  o.first_byte = std::chrono::microseconds(200'999);
  o.added = std::chrono::nanoseconds(34'900);
  return o;
}

TEST(AccessLine, HoldsEverythingThatIsKnown) {
  EXPECT_EQ(
      line_of(full_outcome()),
      R"({"time":"2026-11-24T09:41:07.089Z","request_id":"req_1","upstream_request_id":"req_up","client":"laptop",)"
      R"("client_address":"127.0.0.1","method":"POST","path":"/v1/messages","operation":"messages",)"
      R"("model":"claude-opus-4-5","stream":true,"status":200,"ending":"upstream_cut","error":"reset",)"
      R"("account":"org-b","attempts":[{"account":"org-a","result":"reset","status":0,"ms":1.002,)"
      R"("may_have_been_processed":true},{"account":"org-b","result":"ok","status":200,"ms":1234.000}],)"
      R"("input_tokens":1,"output_tokens":2,"cache_read_input_tokens":4,"cache_creation_input_tokens":3,)"
      R"("cache_creation_5m_input_tokens":5,"cache_creation_1h_input_tokens":6,"thinking_tokens":7,)"
      R"("web_search_requests":8,"web_fetch_requests":9,"request_bytes":2048,)"
      R"("reply_bytes":18446744073709551615,"events":9,"pings":1,"duration_ms":1240.050,)"
      R"("first_byte_ms":200.999,"added_us":34,"simulated":true})"
      "\n");
}

TEST(AccessLine, LeavesOutWhatIsNotKnown) {
  model::Outcome o;
  o.request_id = "req_2";
  o.method = "GET";
  o.path = "/x";
  o.ending = model::Ending::kRefusedByUs;
  EXPECT_EQ(line_of(o),
            R"({"time":"1970-01-01T00:00:00.000Z","request_id":"req_2","method":"GET","path":"/x","operation":"none",)"
            R"("stream":false,"status":0,"ending":"refused","request_bytes":0,"reply_bytes":0,"duration_ms":0.000,)"
            R"("simulated":false})"
            "\n");
}

TEST(AccessLine, TheTimeIsSpeltOutAnewWhenTheSecondChanges) {
  struct {
    const char* name;
    int64_t ms;
    const char* want;
  } const cases[] = {
      {"a second", 1'795'513'267'000, "2026-11-24T09:41:07.000Z"},
      {"the same second", 1'795'513'267'999, "2026-11-24T09:41:07.999Z"},
      {"the next", 1'795'513'268'001, "2026-11-24T09:41:08.001Z"},
      {"back again", 1'795'513'267'120, "2026-11-24T09:41:07.120Z"},
      {"a leap day", 1'709'164'800'000, "2024-02-29T00:00:00.000Z"},
      {"the last ms of a year", 1'798'761'599'999, "2026-12-31T23:59:59.999Z"},
      {"before 1970", -1, "1969-12-31T23:59:59.999Z"},
  };
  AccessLine line;
  for (const auto& c : cases) {
    model::Outcome o;
    o.started = WallTime(std::chrono::milliseconds(c.ms));
    std::string out;
    line.append(out, o);
    EXPECT_EQ(out.substr(9, 24), c.want) << c.name;
  }
}

TEST(AccessLine, TextsAreEscapedCutAndFreeOfKeysAndQueries) {
  struct {
    const char* name;
    std::string path;
    std::string model;
    const char* want;
  } const cases[] = {
      {"a query", "/v1/models?key=secret", "", R"("path":"/v1/models",)"},
      {"a new line", "/v1/\n{\"forged\":1}", "", R"("path":"/v1/\u000a{\"forged\":1}",)"},
      {"terminal and bidi", "/", "\x1b[2J\xe2\x80\xae", R"("model":"\u001b[2J\u202e",)"},
      {"a key as model", "/", "sk-ant-api03-abcdef", R"("model":"sk-ant-***",)"},
      {"a key in the path", "/v1/sk-ant-api03-abcdef/x", "", R"("path":"/v1/sk-ant-***",)"},
  };
  for (const auto& c : cases) {
    model::Outcome o;
    o.path = c.path;
    o.model = c.model;
    std::string line = line_of(o);
    EXPECT_NE(line.find(c.want), std::string::npos) << c.name << ": " << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1) << c.name;
    EXPECT_EQ(line.find("abcdef"), std::string::npos) << c.name;
    EXPECT_EQ(line.find("secret"), std::string::npos) << c.name;
  }
}

TEST(AccessLine, ALineIsBoundedWhateverTheOutcomeHolds) {
  std::string worst(100'000, '\x01');
  model::Outcome o = full_outcome();
  for (std::string* text :
       {&o.request_id, &o.upstream_request_id, &o.client, &o.client_address, &o.method, &o.path, &o.model, &o.error}) {
    *text = worst;
  }
  model::Attempt attempt = o.attempts[0];
  attempt.account = worst;
  attempt.total = Duration::max();
  o.attempts.assign(100, attempt);
  o.duration = Duration::max();
  o.first_byte = Duration::max();
  o.added = Duration::min();
  EXPECT_LE(line_of(o).size(), AccessLine::kLineBytesMax);
  EXPECT_GT(line_of(o).size(), AccessLine::kTextBytesMax * 6 * 16);
}

}  // namespace
}  // namespace baton::ledger
