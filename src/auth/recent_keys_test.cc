#include "auth/recent_keys.h"

#include <gtest/gtest.h>

namespace baton::auth {
namespace {

std::string key_of(size_t number) { return "bk-" + std::to_string(number) + "-0123456789abcdef"; }

TEST(RecentKeys, knows_what_was_kept_and_nothing_else) {
  const std::string laptop = "laptop";
  const KeyRing::Held held;
  RecentKeys keys(7);
  EXPECT_FALSE(keys.find("", 1).any());
  EXPECT_FALSE(keys.find(key_of(1), 1).any());
  keys.keep(key_of(1), {.configured = &laptop});
  EXPECT_EQ(keys.find(key_of(1), 1).configured, &laptop);
  EXPECT_EQ(keys.find(key_of(1), 1).held, nullptr);
  EXPECT_FALSE(keys.find(key_of(1) + "x", 1).any());
  EXPECT_FALSE(keys.find(key_of(2), 1).any());
  keys.keep(key_of(2), {.held = &held});
  EXPECT_EQ(keys.find(key_of(2), 1).held, &held);
}

TEST(RecentKeys, of_more_than_its_room_each_is_found_as_itself_or_not_at_all) {
  constexpr size_t kMany = 4 * RecentKeys::kKept;
  std::vector<std::string> names(kMany);
  RecentKeys keys(7);
  (void)keys.find("", 1);
  for (size_t i = 0; i < kMany; ++i) keys.keep(key_of(i), {.configured = &names[i]});
  size_t known = 0;
  for (size_t i = 0; i < kMany; ++i) {
    const auto found = keys.find(key_of(i), 1);
    if (!found.any()) continue;
    ++known;
    EXPECT_EQ(found.configured, &names[i]);
  }
  EXPECT_GT(known, RecentKeys::kKept / 2);
  EXPECT_LE(known, RecentKeys::kKept);
}

TEST(RecentKeys, nothing_outlives_a_change_of_the_stored_keys) {
  const KeyRing::Held held;
  RecentKeys keys(7);
  (void)keys.find("", 1);
  keys.keep(key_of(1), {.held = &held});
  EXPECT_FALSE(keys.find(key_of(1), 2).any());
  EXPECT_FALSE(keys.find(key_of(1), 1).any());
}

}  // namespace
}  // namespace baton::auth
