#include "upstream/endpoint.h"

#include <gtest/gtest.h>

namespace baton::upstream {
namespace {

TEST(Endpoint, a_base_url_is_taken_apart) {
  struct Row {
    const char* url;
    const char* host;
    int port;
    bool tls;
    const char* prefix;
    const char* field;
  };
  const Row rows[] = {
      {"https://api.anthropic.com", "api.anthropic.com", 443, true, "", "api.anthropic.com"},
      {"https://api.anthropic.com/", "api.anthropic.com", 443, true, "", "api.anthropic.com"},
      {"https://gw.example:8443/anthropic/", "gw.example", 8443, true, "/anthropic", "gw.example:8443"},
      {"http://127.0.0.1:9999", "127.0.0.1", 9999, false, "", "127.0.0.1:9999"},
      {"http://[::1]:80/x", "::1", 80, false, "/x", "[::1]"},
      {"http://[::1]:81", "::1", 81, false, "", "[::1]:81"},
  };
  for (const Row& row : rows) {
    auto got = parse_endpoint(row.url);
    ASSERT_TRUE(got) << row.url;
    EXPECT_EQ(got->target.host, row.host) << row.url;
    EXPECT_EQ(got->target.port, row.port) << row.url;
    EXPECT_EQ(got->target.tls, row.tls) << row.url;
    EXPECT_EQ(got->path_prefix, row.prefix) << row.url;
    EXPECT_EQ(got->host, row.field) << row.url;
  }
}

TEST(Endpoint, anything_doubtful_is_refused) {
  for (const char* url : {"", "ftp://x", "api.anthropic.com", "https://", "https://user@host", "https://h?q",
                          "https://h#f", "https://h:0", "https://h:70000", "https://h:", "https://h:12x", "http://[::1",
                          "http://[::1]x", "http://[::1]:", "https://h/../x", "https://h//x", "https://:80"}) {
    auto got = parse_endpoint(url);
    ASSERT_FALSE(got) << url;
    EXPECT_EQ(got.error().code, ErrorCode::kConfig) << url;
    EXPECT_FALSE(got.error().detail.empty()) << url;
  }
}

}  // namespace
}  // namespace baton::upstream
