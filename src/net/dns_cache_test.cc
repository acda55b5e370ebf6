#include "net/dns_cache.h"

#include <gtest/gtest.h>

namespace baton::net {
namespace {

using std::chrono::seconds;

const std::vector<IpAddress> kOne{*IpAddress::parse("192.0.2.1")};
const std::vector<IpAddress> kTwo{*IpAddress::parse("192.0.2.2")};
constexpr Instant kStart{1'000'000'000'000};

TEST(DnsCache, AnAnswerIsFreshForItsTtlWithinBounds) {
  struct Case {
    const char* name;
    Duration ttl;
    Duration fresh;
  };
  for (const Case& c : {Case{"as told", seconds(30), seconds(30)}, Case{"at most refresh", seconds(300), seconds(60)},
                        Case{"at least a second", seconds(0), seconds(1)}}) {
    SCOPED_TRACE(c.name);
    DnsCache cache({});
    cache.store("a", kOne, c.ttl, kStart);
    ASSERT_NE(cache.usable("a", kStart + c.fresh - Duration(1)), nullptr);
    EXPECT_EQ(*cache.usable("a", kStart), kOne);
    EXPECT_EQ(cache.usable("a", kStart + c.fresh), nullptr);
  }
}

TEST(DnsCache, TheLastGoodAnswerServesUntilStaleMaxWhenAskingFails) {
  DnsCache cache({.refresh = seconds(60), .stale_max = seconds(3600)});
  cache.store("a", kOne, seconds(10), kStart);
  Instant later = kStart + seconds(20);
  EXPECT_EQ(cache.usable("a", later), nullptr) << "it is asked for first";
  ASSERT_NE(cache.stale("a", later), nullptr);
  cache.note_failure("a", later);
  EXPECT_NE(cache.usable("a", later + seconds(4)), nullptr) << "a failure just seen is not waited for again";
  EXPECT_EQ(cache.usable("a", later + seconds(5)), nullptr);
  EXPECT_NE(cache.stale("a", kStart + seconds(3599)), nullptr);
  EXPECT_EQ(cache.stale("a", kStart + seconds(3600)), nullptr);
  cache.note_failure("a", kStart + seconds(3600));
  EXPECT_EQ(cache.usable("a", kStart + seconds(3601)), nullptr) << "too old for anything";
  cache.store("a", kTwo, seconds(10), kStart + seconds(4000));
  EXPECT_EQ(*cache.usable("a", kStart + seconds(4001)), kTwo);
}

TEST(DnsCache, WhatDnsDeniesIsForgotten) {
  DnsCache cache({});
  cache.store("a", kOne, seconds(10), kStart);
  cache.erase("a");
  cache.erase("never seen");
  EXPECT_EQ(cache.usable("a", kStart), nullptr);
  EXPECT_EQ(cache.stale("a", kStart), nullptr);
}

TEST(DnsCache, BeyondItsBoundTheLeastRecentlyUsedHostGoes) {
  DnsCache cache({.hosts_max = 3});
  for (const char* host : {"a", "b", "c"}) cache.store(host, kOne, seconds(10), kStart);
  ASSERT_NE(cache.usable("a", kStart), nullptr);
  cache.store("d", kOne, seconds(10), kStart);
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_EQ(cache.usable("b", kStart), nullptr);
  for (const char* host : {"a", "c", "d"}) EXPECT_NE(cache.usable(host, kStart), nullptr) << host;
}

}  // namespace
}  // namespace baton::net
