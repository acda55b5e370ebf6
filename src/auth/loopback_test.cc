#include "auth/loopback.h"

#include <gtest/gtest.h>

namespace baton::auth {
namespace {

TEST(Loopback, Addresses) {
  struct {
    std::string_view address;
    bool want;
  } const cases[] = {
      {"127.0.0.1", true},
      {"127.255.255.255", true},
      {"127.0.0.0", true},
      {"::1", true},
      {"::ffff:127.0.0.1", true},
      {"::FFFF:127.9.9.9", true},
      {"", false},
      {"127.0.0.256", false},
      {"127.0.0", false},
      {"127.1", false},
      {"127", false},
      {"127.0.0.0.1", false},
      {"127.0.0.1.", false},
      {".127.0.0.1", false},
      {"127..0.1", false},
      {"0127.0.0.1", false},
      {"127.0.0.01", false},
      {"127.0.0.1 ", false},
      {"128.0.0.1", false},
      {"10.0.0.1", false},
      {"0.0.0.0", false},
      {"2130706433", false},
      {"0x7f.0.0.1", false},
      {"::", false},
      {"::2", false},
      {"::ffff:10.0.0.1", false},
      {"::ffff:", false},
      {"localhost", false},
      {"127.0.0.1:80", false},
      {"127.0.0.1000", false},
      {"127.0.0.+1", false},
  };
  for (const auto& c : cases) {
    const std::optional<net::IpAddress> address = net::IpAddress::parse(c.address);
    EXPECT_EQ(address && is_loopback(*address), c.want) << c.address;
  }
  EXPECT_FALSE(is_loopback(net::IpAddress{}));
}

TEST(Loopback, Hosts) {
  struct {
    std::string_view host;
    bool want;
  } const cases[] = {
      {"localhost", true},
      {"LocalHost:8787", true},
      {"127.0.0.1", true},
      {"127.0.0.1:8787", true},
      {"127.9.9.9:1", true},
      {"[::1]", true},
      {"[::1]:8787", true},
      {"[0:0:0:0:0:0:0:1]", true},
      {"[::ffff:127.0.0.1]:80", true},
      {"", false},
      {"localhost.", false},
      {"localhost.evil.test", false},
      {"evil.test", false},
      {"127.0.0.1.evil.test", false},
      {"127.0.0.1.nip.io:8787", false},
      {"127.evil.test", false},
      {"localhost:", false},
      {"localhost:80a", false},
      {"localhost:65536", false},
      {"localhost:80:80", false},
      {"user@localhost", false},
      {"::1", false},
      {"[::1", false},
      {"[::1]x", false},
      {"[::1]:", false},
      {"[127.0.0.1]", false},
      {"[::2]", false},
      {"0.0.0.0:8787", false},
      {"192.168.0.2", false},
  };
  for (const auto& c : cases) EXPECT_EQ(is_loopback_host(c.host), c.want) << c.host;
}

}  // namespace
}  // namespace baton::auth
