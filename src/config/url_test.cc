#include "config/url.h"

#include <gtest/gtest.h>

#include <array>

namespace baton::config {
namespace {

constexpr std::array<std::string_view, 2> kWeb{"https", "http"};

TEST(Url, IsReadAndWritten) {
  struct {
    std::string_view text;
    std::string_view want;
  } const cases[] = {
      {"https://api.anthropic.com", "https://api.anthropic.com"},
      {"https://api.anthropic.com/", "https://api.anthropic.com"},
      {"HTTPS://API.Anthropic.com:443", "https://api.anthropic.com:443"},
      {"https://gateway.example/anthropic/", "https://gateway.example/anthropic"},
      {"https://a-b.example/x_y/~z", "https://a-b.example/x_y/~z"},
      {"http://127.0.0.1:9000", "http://127.0.0.1:9000"},
      {"http://[::1]:9000", "http://[::1]:9000"},
      {"http://my_service:80", "http://my_service:80"},
  };
  for (const auto& c : cases) {
    const auto url = parse_url(c.text, {.schemes = kWeb, .path = true});
    ASSERT_TRUE(url.has_value()) << c.text << ": " << url.error();
    EXPECT_EQ(url->text(), c.want);
  }
}

TEST(Url, RefusesWhatCouldLeadElsewhere) {
  struct {
    std::string_view text;
    std::string_view reason;
  } const cases[] = {
      {"", "must begin with"},
      {"api.anthropic.com", "must begin with https:// or http://"},
      {"ftp://a.example", "must begin with"},
      {"https:/a.example", "must begin with"},
      {"https://", "host"},
      {"https:///x", "host"},
      {"https://user@a.example", "user"},
      {"https://user:pw@a.example", "user"},
      {"https://a.example@evil.example", "user"},
      {"https://a.example?x=1", "query"},
      {"https://a.example/x?y", "query"},
      {"https://a.example#f", "fragment"},
      {"https://a.example/../x", "path"},
      {"https://a.example/a/..", "path"},
      {"https://a.example//x", "path"},
      {"https://a.example/./x", "path"},
      {"https://a.example/%2e%2e", "path"},
      {"https://a.example/a b", "blank"},
      {"https://a.example\\x", "host"},
      {"https://\xc3\xa4.example", "not ASCII"},
      {"https://a.example\r\n", "blank"},
      {"https://a..example", "host"},
      {"https://a.example.", "host"},
      {"https://-a.example", "host"},
      {"https://a.example:0", "port"},
      {"https://a.example:65536", "port"},
      {"https://a.example:", "port"},
      {"https://a.example:1:2", "port"},
      {"https://2130706433", "host"},
      {"https://127.1", "host"},
      {"https://0x7f.0.0.1", "host"},
      {"https://0x7f000001", "host"},
      {"https://0177.0.0.1", "host"},
      {"https://127.0.0.1.1", "host"},
      {"https://a.1", "host"},
      {"https://[127.0.0.1]", "IPv6"},
      {"https://[::1", "IPv6"},
      {"https://[fe80::1%25eth0]", "IPv6"},
      {"https://[::1]x", "port"},
      {"https://::1", "host"},
  };
  for (const auto& c : cases) {
    const auto url = parse_url(c.text, {.schemes = kWeb, .path = true});
    ASSERT_FALSE(url.has_value()) << c.text;
    EXPECT_NE(url.error().find(c.reason), std::string::npos) << c.text << ": " << url.error();
  }
  EXPECT_FALSE(parse_url("https://" + std::string(kUrlBytesMax, 'a'), {.schemes = kWeb}).has_value());
}

TEST(Url, RulesDecideWhatElseIsTaken) {
  static constexpr std::array<std::string_view, 2> kProxies{"http", "socks5"};
  EXPECT_FALSE(parse_url("https://a.example/x", {.schemes = kWeb}).has_value());
  EXPECT_TRUE(parse_url("https://a.example/", {.schemes = kWeb}).has_value());
  const auto proxy =
      parse_url("socks5://user:p%40ss@10.0.0.1:1080", {.schemes = kProxies, .userinfo = true, .port = true});
  ASSERT_TRUE(proxy.has_value()) << proxy.error();
  EXPECT_EQ(proxy->userinfo, "user:p%40ss");
  EXPECT_EQ(proxy->text(), "socks5://10.0.0.1:1080");
  EXPECT_FALSE(parse_url("socks5://10.0.0.1", {.schemes = kProxies, .userinfo = true, .port = true}).has_value());
}

TEST(Url, PrivateAndLoopbackNames) {
  struct {
    std::string_view host;
    bool loopback;
    bool is_private;
  } const cases[] = {
      {"localhost", true, true},
      {"x.localhost", true, true},
      {"127.0.0.1", true, true},
      {"127.255.0.9", true, true},
      {"::1", true, true},
      {"::ffff:127.0.0.1", true, true},
      {"10.1.2.3", false, true},
      {"172.16.0.1", false, true},
      {"192.168.1.1", false, true},
      {"169.254.169.254", false, true},
      {"0.0.0.0", false, true},
      {"100.64.0.1", false, true},
      {"fe80::1", false, true},
      {"fd00::1", false, true},
      {"::", false, true},
      {"8.8.8.8", false, false},
      {"2606:4700::1111", false, false},
      {"api.anthropic.com", false, false},
      {"localhost.example", false, false},
      {"notlocalhost", false, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(is_loopback_name(c.host), c.loopback) << c.host;
    EXPECT_EQ(is_private_name(c.host), c.is_private) << c.host;
  }
}

}  // namespace
}  // namespace baton::config
