#include "net/address.h"

#include <gtest/gtest.h>

namespace baton::net {
namespace {

TEST(IpAddress, TextIsParsedStrictlyAndShownInOneForm) {
  struct Case {
    const char* input;
    const char* want;  // nullptr: refused
  };
  for (const Case& c : {Case{"127.0.0.1", "127.0.0.1"},
                        {"255.255.255.255", "255.255.255.255"},
                        {"::1", "::1"},
                        {"::", "::"},
                        {"2001:DB8:0:0::1", "2001:db8::1"},
                        {"::ffff:10.0.0.7", "10.0.0.7"},
                        {"::ffff:a00:7", "10.0.0.7"},
                        {"0:0:0:0:0:ffff:0a00:0007", "10.0.0.7"},
                        {"", nullptr},
                        {"localhost", nullptr},
                        {"127.1", nullptr},
                        {"2130706433", nullptr},
                        {"0x7f.0.0.1", nullptr},
                        {"0177.0.0.1", nullptr},
                        {"010.0.0.1", nullptr},
                        {"1.2.3.256", nullptr},
                        {"1.2.3.4.5", nullptr},
                        {"1.2.3.4 ", nullptr},
                        {" 1.2.3.4", nullptr},
                        {"1.2.3.4:80", nullptr},
                        {"[::1]", nullptr},
                        {"fe80::1%eth0", nullptr},
                        {"1:2:3:4:5:6:7:8:9", nullptr},
                        {"::ffff:1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16", nullptr}}) {
    auto got = IpAddress::parse(c.input);
    ASSERT_EQ(got.has_value(), c.want != nullptr) << c.input;
    if (got) EXPECT_EQ(got->text(), c.want) << c.input;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("127.0.0.1\0x", 11)));
  EXPECT_EQ(IpAddress().text(), "");
}

TEST(Cidr, ContainsWhatItsPrefixSays) {
  struct Case {
    const char* block;
    const char* address;
    bool want;
  };
  for (const Case& c : {Case{"10.0.0.0/8", "10.255.0.1", true},
                        {"10.0.0.0/8", "11.0.0.1", false},
                        {"10.9.9.9/8", "10.1.2.3", true},
                        {"192.168.1.128/25", "192.168.1.128", true},
                        {"192.168.1.128/25", "192.168.1.127", false},
                        {"172.16.0.0/12", "172.31.255.255", true},
                        {"172.16.0.0/12", "172.32.0.0", false},
                        {"0.0.0.0/0", "8.8.8.8", true},
                        {"0.0.0.0/0", "::1", false},
                        {"::/0", "8.8.8.8", false},
                        {"1.2.3.4", "1.2.3.4", true},
                        {"1.2.3.4/32", "1.2.3.5", false},
                        {"fc00::/7", "fdff::1", true},
                        {"fc00::/7", "fe00::1", false},
                        {"2001:db8::/33", "2001:db8:7fff::1", true},
                        {"2001:db8::/33", "2001:db8:8000::1", false},
                        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
                        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
                        {"::ffff:10.0.0.0/104", "11.1.1.1", false},
                        {"::1/128", "::1", true}}) {
    auto block = Cidr::parse(c.block);
    auto address = IpAddress::parse(c.address);
    ASSERT_TRUE(block && address) << c.block;
    EXPECT_EQ(block->contains(*address), c.want) << c.block << " " << c.address;
  }
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(IpAddress()));
}

TEST(Cidr, RefusesWhatIsNone) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "10.0.0/8",
                           "host/8", "::ffff:10.0.0.0/8"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

TEST(PrivateOrLocal, KnowsEverySpelling) {
  struct Case {
    const char* address;
    bool want;
  };
  for (const Case& c : {Case{"0.0.0.0", true},
                        {"0.1.2.3", true},
                        {"127.0.0.1", true},
                        {"127.255.255.254", true},
                        {"10.0.0.1", true},
                        {"100.63.255.255", false},
                        {"100.64.0.1", true},
                        {"100.127.255.255", true},
                        {"100.128.0.0", false},
                        {"169.254.169.254", true},
                        {"169.253.0.1", false},
                        {"172.15.255.255", false},
                        {"172.16.0.1", true},
                        {"172.31.255.255", true},
                        {"172.32.0.1", false},
                        {"192.0.0.8", true},
                        {"192.0.2.1", true},
                        {"192.168.0.1", true},
                        {"192.169.0.1", false},
                        {"198.18.0.1", true},
                        {"198.20.0.1", false},
                        {"224.0.0.1", true},
                        {"239.255.255.255", true},
                        {"240.0.0.1", true},
                        {"255.255.255.255", true},
                        {"8.8.8.8", false},
                        {"160.79.104.10", false},
                        {"::", true},
                        {"::1", true},
                        {"::7f00:1", true},          // IPv4-compatible
                        {"::ffff:127.0.0.1", true},  // IPv4-mapped
                        {"::ffff:7f00:1", true},
                        {"::ffff:8.8.8.8", false},
                        {"::ffff:0:a00:1", true},     // SIIT
                        {"64:ff9b::10.0.0.1", true},  // NAT64
                        {"64:ff9b::a9fe:a9fe", true},
                        {"64:ff9b::8.8.8.8", false},
                        {"64:ff9b:1::8.8.8.8", true},  // NAT64 for local use
                        {"2002:7f00:1::", true},       // 6to4
                        {"2002:c0a8:101::1", true},
                        {"2002:808:808::1", false},
                        {"2001:0:808:808::f5ff:fffe", true},   // Teredo of 10.0.0.1
                        {"2001:0:808:808::f7f7:f7f7", false},  // of 8.8.8.8
                        {"2001:0:a00:1::f7f7:f7f7", true},     // by a private server
                        {"2001:db8::1", true},
                        {"fc00::1", true},
                        {"fd12:3456::1", true},
                        {"fe80::1", true},
                        {"febf::1", true},
                        {"fec0::1", true},
                        {"ff02::1", true},
                        {"100::1", true},
                        {"2607:6bc0::10", false},
                        {"2a00:1450:4001:800::200e", false}}) {
    auto address = IpAddress::parse(c.address);
    ASSERT_TRUE(address) << c.address;
    EXPECT_EQ(is_private_or_local(*address), c.want) << c.address;
  }
  EXPECT_TRUE(is_private_or_local(IpAddress()));
}

TEST(SocketAddress, GoesThereAndBack) {
  for (const char* text : {"1.2.3.4", "2001:db8::5"}) {
    auto address = IpAddress::parse(text);
    SocketAddress socket = socket_address(*address, 8443);
    EXPECT_EQ(IpAddress::from(socket.storage), *address);
    EXPECT_EQ(port_of(socket.storage), 8443);
  }
}

}  // namespace
}  // namespace baton::net
