#include "accounts/pool.h"

#include <gtest/gtest.h>

namespace baton::accounts {
namespace {

std::vector<AccountConfig> three() {
  std::vector<AccountConfig> accounts(3);
  accounts[0].name = "a";
  accounts[1].name = "b";
  accounts[2].name = "c";
  return accounts;
}

TEST(AccountPool, takes_the_least_loaded_account_by_weight) {
  auto accounts = three();
  accounts[1].weight = 4;
  AccountPool pool(accounts);
  std::vector<Lease> held;
  int per_account[3] = {};
  for (int i = 0; i < 60; ++i) {
    auto lease = pool.pick({}, false);
    ASSERT_TRUE(lease);
    ++per_account[lease->index()];
    held.push_back(std::move(*lease));
  }
  EXPECT_EQ(per_account[0], 10);
  EXPECT_EQ(per_account[1], 40);
  EXPECT_EQ(per_account[2], 10);
  held.clear();
  for (AccountIndex i = 0; i < 3; ++i) EXPECT_EQ(pool.in_flight(i), 0);
}

TEST(AccountPool, equals_take_turns) {
  auto accounts = three();
  AccountPool pool(accounts);
  int per_account[3] = {};
  for (int i = 0; i < 30; ++i) ++per_account[pool.pick({}, false)->index()];
  for (int count : per_account) EXPECT_EQ(count, 10);
}

TEST(AccountPool, tried_accounts_are_not_picked_and_none_left_gives_nothing) {
  auto accounts = three();
  AccountPool pool(accounts);
  EXPECT_EQ(pool.pick({0, 2}, false)->index(), 1u);
  EXPECT_FALSE(pool.pick({0, 1, 2}, false));
}

TEST(AccountPool, passthrough_and_pooled_accounts_never_mix) {
  auto accounts = three();
  accounts[2].passthrough = true;
  AccountPool pool(accounts);
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(pool.pick({}, true)->index(), 2u);
    EXPECT_NE(pool.pick({}, false)->index(), 2u);
  }
  EXPECT_FALSE(pool.pick({2}, true));
}

TEST(AccountPool, an_account_is_found_by_name) {
  auto accounts = three();
  AccountPool pool(accounts);
  EXPECT_EQ(pool.take("b")->index(), 1u);
  EXPECT_FALSE(pool.take("gone"));
}

}  // namespace
}  // namespace baton::accounts
