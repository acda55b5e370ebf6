#include "config/redis_url.h"

#include <gtest/gtest.h>

namespace baton::config {
namespace {

TEST(RedisUrl, names_the_place_and_who_asks) {
  const struct {
    std::string text, host;
    uint16_t port;
    bool tls;
    std::string user, password;
    uint32_t database;
  } rows[] = {
      {"redis://cache.internal", "cache.internal", 6379, false, "", "", 0},
      {"redis://cache.internal/", "cache.internal", 6379, false, "", "", 0},
      {"rediss://[::1]:7000/12", "::1", 7000, true, "", "", 12},
      {"redis://:pass@10.0.0.1:6380/1", "10.0.0.1", 6380, false, "", "pass", 1},
      {"redis://baton:p%40%3A%2F%25@h", "h", 6379, false, "baton", "p@:/%", 0},
      {"redis://baton:a:b@h", "h", 6379, false, "baton", "a:b", 0},
  };
  for (const auto& row : rows) {
    const auto place = parse_redis_url(row.text);
    ASSERT_TRUE(place) << row.text << ": " << place.error();
    EXPECT_EQ(place->host, row.host) << row.text;
    EXPECT_EQ(place->port, row.port) << row.text;
    EXPECT_EQ(place->tls, row.tls) << row.text;
    EXPECT_EQ(place->user, row.user) << row.text;
    EXPECT_EQ(place->password.reveal(), row.password) << row.text;
    EXPECT_EQ(place->database, row.database) << row.text;
  }
}

TEST(RedisUrl, says_what_is_wrong_without_the_password) {
  for (const std::string text : {"http://u:hunter2@h", "redis://u:hunter2@", "redis://u:hunter2@h:0",
                                 "redis://u:hunter2@h/x", "redis://u:hunter2@h/99999", "redis://u:hunter2%4@h",
                                 "redis://hunter2@h", "redis://u:hunter2@h?a=b", "redis://u:hunter2@h/1/2", ""}) {
    const auto place = parse_redis_url(text);
    ASSERT_FALSE(place) << text;
    EXPECT_FALSE(place.error().empty()) << text;
    EXPECT_EQ(place.error().find("hunter2"), std::string::npos) << place.error();
  }
}

}  // namespace
}  // namespace baton::config
