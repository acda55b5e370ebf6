#include "accounts/return_table.h"

#include <gtest/gtest.h>

namespace baton::accounts {
namespace {

constexpr ReturnTable::Kind kChat{.tenant = 7, .uses = 3};

TEST(ReturnTable, nothing_comes_back_before_anything_was_seen) {
  const ReturnTable table;
  for (size_t life = 0; life < ReturnTable::kLives; ++life) EXPECT_EQ(table.chance(kChat, life), 0);
  EXPECT_EQ(table.chance(kChat, ReturnTable::kLives), 0) << "beyond what is followed";
  EXPECT_EQ(table.worth(kChat, 0, 100, 1), 0);
}

// Of 100 prompts 50 come back in their first life, 10 of the other 50 in the second, 40 never.
TEST(ReturnTable, a_chance_is_of_those_that_are_still_away) {
  ReturnTable table;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 5; ++i) table.came_back(kChat, 0);
    table.came_back(kChat, 1);
    for (int i = 0; i < 4; ++i) table.stayed_away(kChat, ReturnTable::kLives);
  }
  EXPECT_NEAR(table.chance(kChat, 0), 0.5, 0.02);
  EXPECT_NEAR(table.chance(kChat, 1), 0.2, 0.02);
  EXPECT_EQ(table.chance(kChat, 2), 0);
}

TEST(ReturnTable, another_life_is_worth_it_where_the_chance_pays_for_it) {
  ReturnTable table;
  for (int i = 0; i < 80; ++i) table.stayed_away(kChat, ReturnTable::kLives);
  for (int i = 0; i < 20; ++i) table.came_back(kChat, 1);
  const double chance = table.chance(kChat, 1);
  EXPECT_NEAR(chance, 0.2, 0.02);
  EXPECT_NEAR(table.worth(kChat, 1, 1.15, 0.1), chance * 1.15 - 0.1, 1e-9);
  EXPECT_EQ(table.worth(kChat, 1, 1.15, 0.25), 0);
  EXPECT_EQ(table.worth(kChat, 2, 1.15, 0.1), 0) << "in the third life none came back";
}

// Nothing comes back in its second life and all in its third: the second is bought for the third's sake.
TEST(ReturnTable, a_life_without_returns_is_bought_for_a_later_one) {
  ReturnTable table;
  for (int i = 0; i < 100; ++i) table.came_back(kChat, 2);
  EXPECT_EQ(table.chance(kChat, 1), 0);
  EXPECT_GT(table.worth(kChat, 1, 1.15, 0.1), 0.7);
}

TEST(ReturnTable, kinds_are_apart_and_who_is_new_counts_as_the_others) {
  ReturnTable table;
  for (int i = 0; i < 100; ++i) table.came_back(kChat, 0);
  const ReturnTable::Kind stranger{.tenant = 8, .uses = 3};
  EXPECT_GT(table.chance(stranger, 0), 0.8) << "as all prompts of that kind";
  for (int i = 0; i < 100; ++i) table.stayed_away(stranger, ReturnTable::kLives);
  EXPECT_LT(table.chance(stranger, 0), 0.15);
  EXPECT_GT(table.chance(kChat, 0), 0.9);
  EXPECT_EQ(table.chance({.tenant = 7, .uses = 1}, 0), 0);
  EXPECT_EQ(table.chance({.tenant = 7, .uses = 3, .lasting = true}, 0), 0);
  EXPECT_EQ(table.chance({.tenant = 7, .uses = 4}, 0), table.chance(kChat, 0)) << "3 and 4 are one class";
}

TEST(ReturnTable, what_is_learnt_follows_what_changes) {
  ReturnTable table;
  for (int i = 0; i < 100'000; ++i) table.came_back(kChat, 0);
  for (int i = 0; i < 4'000; ++i) table.stayed_away(kChat, ReturnTable::kLives);
  EXPECT_LT(table.chance(kChat, 0), 0.3);
}

}  // namespace
}  // namespace baton::accounts
