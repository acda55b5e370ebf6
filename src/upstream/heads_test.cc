#include "upstream/heads.h"

#include <gtest/gtest.h>

namespace baton::upstream {
namespace {

http::RequestHead request(const std::string& text) {
  http::RequestHead head;
  http::HeadError error;
  size_t scanned = 0;
  EXPECT_EQ(http::parse_request(text, scanned, {}, head, error), http::ParseStatus::kDone)
      << http::head_error_sentence(error);
  return head;
}

http::ResponseHead response(const std::string& text) {
  http::ResponseHead head;
  http::HeadError error;
  size_t scanned = 0;
  EXPECT_EQ(http::parse_response(text, scanned, {}, false, head, error), http::ParseStatus::kDone);
  return head;
}

class Heads : public testing::Test {
 protected:
  Endpoint endpoint{.target = {}, .path_prefix = "/prefix", .host = "api.example"};
  Secret key{"sk-account-key"};
  Party pooled{.endpoint = &endpoint, .key = &key};
  Party passthrough{.endpoint = &endpoint};

  std::string up(const std::string& text, const Party& party, const BodyShape& body = {http::Framing::kLength, 5}) {
    std::string out;
    append_request_head(out, request(text), party, body);
    return out;
  }
  std::string down(const std::string& text, const Party& party) {
    std::string out;
    append_reply_fields(out, response(text), party);
    return out;
  }
};

const std::string kRequest =
    "POST /v1/messages?beta=true HTTP/1.1\r\nHost: relay.local\r\nX-Api-Key: client-key\r\nContent-Length: 5\r\n"
    "Anthropic-Version: 2026-10-21\r\nanthropic-beta: a,b\r\nanthropic-beta: never-seen-2030\r\nX-Unknown: kept\r\n"
    "Accept-Encoding: gzip, br\r\nCookie: c=1\r\nConnection: keep-alive, x-hop\r\nX-Hop: dropped\r\nKeep-Alive: "
    "5\r\nTE: trailers\r\n"
    "Expect: 100-continue\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nVia: 1.1 x\r\nX-Real-IP: 1.2.3.4\r\n"
    "baton-key: client\r\nbaton-cache: on\r\nbaton-sim: status=500\r\nanthropic-workspace-id: wrk_client\r\n\r\n";

TEST_F(Heads, the_upstream_gets_every_end_to_end_field_and_the_accounts_key) {
  EXPECT_EQ(
      up(kRequest, pooled),
      "POST /prefix/v1/messages?beta=true HTTP/1.1\r\nhost: api.example\r\nAnthropic-Version: "
      "2026-10-21\r\nanthropic-beta: a,b\r\n"
      "anthropic-beta: never-seen-2030\r\nX-Unknown: kept\r\nx-api-key: sk-account-key\r\naccept-encoding: identity\r\n"
      "content-length: 5\r\n\r\n");
}

TEST_F(Heads, a_passthrough_call_keeps_its_own_credential_and_workspace) {
  std::string out = up(kRequest, passthrough);
  EXPECT_NE(out.find("\r\nX-Api-Key: client-key\r\n"), std::string::npos) << out;
  EXPECT_NE(out.find("\r\nanthropic-workspace-id: wrk_client\r\n"), std::string::npos) << out;
  EXPECT_EQ(out.find("baton-key"), std::string::npos) << out;
  EXPECT_EQ(out.find("sk-account-key"), std::string::npos) << out;
}

TEST_F(Heads, only_the_simulator_is_told_what_to_play) {
  Party simulated = pooled;
  simulated.simulated = true;
  EXPECT_NE(up(kRequest, simulated).find("baton-sim: status=500\r\n"), std::string::npos);
  EXPECT_EQ(up(kRequest, simulated).find("baton-cache"), std::string::npos);
  EXPECT_EQ(up(kRequest, pooled).find("baton-sim"), std::string::npos);
}

TEST_F(Heads, however_a_line_is_written_it_comes_out_once_and_in_order) {
  const std::string odd =
      "GET /v1/models HTTP/1.1\r\nHost: h\r\na:1\r\nb: 2\r\nc:  3\r\nd: 4 \r\ne:\r\nf: \r\ng: 7\r\nCookie: c\r\nh: "
      "8\r\n"
      "Via: v\r\n\r\n";
  const std::string out = up(odd, pooled, {http::Framing::kNone, 0});
  EXPECT_EQ(
      out,
      "GET /prefix/v1/models HTTP/1.1\r\nhost: api.example\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\ne: \r\nf: \r\ng: 7\r\n"
      "h: 8\r\nx-api-key: sk-account-key\r\naccept-encoding: identity\r\n\r\n");
  EXPECT_EQ(down("HTTP/1.1 200 OK\r\na: 1\r\nSet-Cookie: s\r\nb:2\r\nc: 3\r\nContent-Length: 0\r\n\r\n", pooled),
            "a: 1\r\nb: 2\r\nc: 3\r\n");
}

TEST_F(Heads, framing_is_written_anew) {
  const std::string chunked = "POST /v1/files HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_TRUE(up(chunked, pooled, {http::Framing::kChunked, 0}).ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(up(chunked, pooled, {http::Framing::kLength, 77}).ends_with("\r\ncontent-length: 77\r\n\r\n"));
  EXPECT_TRUE(up("POST /v1/x HTTP/1.1\r\nHost: h\r\n\r\n", pooled, {}).ends_with("\r\ncontent-length: 0\r\n\r\n"));
  std::string get = up("GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n", pooled, {});
  EXPECT_EQ(get.find("content-length"), std::string::npos);
}

TEST_F(Heads, the_client_gets_everything_but_framing_and_what_names_the_account) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nrequest-id: req_1\r\nSet-Cookie: a=b\r\nTransfer-Encoding: "
      "chunked\r\n"
      "Connection: keep-alive\r\nserver: cloudflare\r\ncf-ray: 1\r\nanthropic-organization-id: "
      "org_1\r\nanthropic-workspace-id: wrk_1\r\n"
      "anthropic-ratelimit-requests-remaining: 9\r\nanthropic-future: 1\r\nbaton-request-id: forged\r\nx-debug: "
      "key=sk-account-key;\r\n\r\n";
  EXPECT_EQ(down(text, pooled),
            "Content-Type: application/json\r\nrequest-id: req_1\r\nserver: cloudflare\r\ncf-ray: "
            "1\r\nanthropic-future: 1\r\n");
  Party open = pooled;
  open.show_rate_limits = true;
  EXPECT_NE(down(text, open).find("anthropic-ratelimit-requests-remaining: 9\r\n"), std::string::npos);
  EXPECT_NE(down(text, passthrough).find("anthropic-organization-id: org_1\r\n"), std::string::npos);
  EXPECT_EQ(down(text, passthrough).find("Set-Cookie"), std::string::npos);
}

}  // namespace
}  // namespace baton::upstream
