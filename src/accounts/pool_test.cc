#include "accounts/pool.h"

#include <gtest/gtest.h>

#include <thread>

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

struct Rig {
  explicit Rig(size_t accounts = 3) {
    for (size_t i = 0; i < accounts; ++i) {
      auto& one = config.accounts.emplace_back();
      one.name = std::string(1, static_cast<char>('a' + i));
    }
  }
  AccountPool& pool() {
    if (!made) made = std::make_unique<AccountPool>(config, clock);
    return *made;
  }
  Admission admit(Ask ask = {}) { return pool().admit(ask, clock.now()); }
  // An attempt at a certain account that ends like this.
  void attempt(AccountIndex index, Effect effect, Ask ask = {.repeatable = true}) {
    ask.only = index;
    auto admission = admit(ask);
    ASSERT_TRUE(admission.lease) << index;
    pool().ended(*admission.lease, {.effect = effect, .model = ask.model}, clock.now());
  }
  Config config;
  runtime::VirtualClock clock;
  std::unique_ptr<AccountPool> made;
};

TEST(AccountPool, takes_the_least_loaded_account_by_weight) {
  Rig rig;
  rig.config.accounts[1].weight = 4;
  std::vector<Lease> held;
  int per_account[3] = {};
  for (int i = 0; i < 60; ++i) {
    auto admission = rig.admit();
    ASSERT_TRUE(admission.lease);
    ++per_account[admission.lease->index()];
    held.push_back(std::move(*admission.lease));
  }
  EXPECT_EQ(per_account[0], 10);
  EXPECT_EQ(per_account[1], 40);
  EXPECT_EQ(per_account[2], 10);
  held.clear();
  for (AccountIndex i = 0; i < 3; ++i) EXPECT_EQ(rig.pool().in_flight(i), 0);
}

TEST(AccountPool, equals_take_turns) {
  Rig rig;
  int per_account[3] = {};
  for (int i = 0; i < 30; ++i) ++per_account[rig.admit().lease->index()];
  for (int count : per_account) EXPECT_EQ(count, 10);
}

TEST(AccountPool, tried_accounts_are_not_picked_and_none_left_gives_nothing) {
  Rig rig;
  const std::vector<AccountIndex> two{0, 2}, all{0, 1, 2};
  EXPECT_EQ(rig.admit({.tried = two}).lease->index(), 1u);
  auto none = rig.admit({.tried = all});
  EXPECT_FALSE(none.lease);
  EXPECT_EQ(none.at, runtime::kNever);
  auto later = rig.admit({.tried = all, .tried_from = rig.clock.now() + 2s});
  EXPECT_FALSE(later.lease);
  EXPECT_EQ(later.at, rig.clock.now() + 2s);
}

TEST(AccountPool, passthrough_and_pooled_accounts_never_mix) {
  Rig rig;
  rig.config.accounts[2].passthrough = true;
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(rig.admit({.passthrough = true}).lease->index(), 2u);
    EXPECT_NE(rig.admit().lease->index(), 2u);
  }
  const std::vector<AccountIndex> it{2};
  EXPECT_FALSE(rig.admit({.tried = it, .passthrough = true}).lease);
  auto lease = rig.admit({.passthrough = true}).lease;
  for (int i = 0; i < 9; ++i) rig.pool().ended(*lease, {.effect = Effect::kFailed}, rig.clock.now());
  EXPECT_TRUE(rig.admit({.passthrough = true}).lease);
}

TEST(AccountPool, an_account_is_found_by_name) {
  Rig rig;
  EXPECT_EQ(rig.pool().find("b"), 1u);
  EXPECT_FALSE(rig.pool().find("gone"));
}

TEST(AccountPool, a_benched_limit_domain_gets_nothing_of_that_class_before_its_time) {
  Rig rig;
  rig.config.accounts[1].limit_domain = "a";  // a and b are one organization
  const Ask sonnet{.limits = LimitClass::kSonnet};
  auto first = rig.admit({.limits = LimitClass::kSonnet, .only = 0});
  Stated stated;
  stated.retry_after = 7s;
  rig.pool().answered(*first.lease, stated, true, rig.clock.now());
  for (int i = 0; i < 9; ++i) EXPECT_EQ(rig.admit(sonnet).lease->index(), 2u);
  auto refused = rig.admit({.limits = LimitClass::kSonnet, .only = 1});
  EXPECT_FALSE(refused.lease);
  EXPECT_EQ(refused.at, rig.clock.now() + 7s);
  EXPECT_TRUE(rig.admit({.limits = LimitClass::kOpus, .only = 1}).lease);
  rig.clock.advance(7s - 1ns);
  EXPECT_FALSE(rig.admit({.limits = LimitClass::kSonnet, .only = 1}).lease);
  rig.clock.advance(1ns);
  EXPECT_TRUE(rig.admit({.limits = LimitClass::kSonnet, .only = 1}).lease);
}

TEST(AccountPool, an_account_with_a_bad_credential_is_asked_once_a_minute) {
  Rig rig;
  rig.attempt(0, Effect::kUnauthorized);
  const Ask ask{.repeatable = true};
  for (int i = 0; i < 9; ++i) EXPECT_NE(rig.admit(ask).lease->index(), 0u);
  rig.clock.advance(60s);
  EXPECT_NE(rig.admit({}).lease->index(), 0u);  // never with what cannot be repeated
  auto probe = rig.admit(ask);
  EXPECT_EQ(probe.lease->index(), 0u);
  for (int i = 0; i < 9; ++i) EXPECT_NE(rig.admit(ask).lease->index(), 0u);
  rig.pool().ended(*probe.lease, {.effect = Effect::kUnauthorized}, rig.clock.now());
  rig.clock.advance(60s);
  auto again = rig.admit(ask);
  EXPECT_EQ(again.lease->index(), 0u);
  rig.pool().ended(*again.lease, {.effect = Effect::kServed}, rig.clock.now());
  EXPECT_EQ(rig.pool().states(rig.clock.now())[0].parked, ParkReason::kNone);
  EXPECT_TRUE(rig.admit({.only = 0}).lease);
}

TEST(AccountPool, a_spend_cap_parks_until_the_next_month) {
  Rig rig(1);
  rig.attempt(0, Effect::kSpendCap);
  auto refused = rig.admit({.repeatable = true});
  EXPECT_FALSE(refused.lease);
  const WallTime wall = rig.clock.wall();
  EXPECT_EQ(refused.at, rig.clock.now() + (next_month(wall) - wall));
  rig.clock.set(refused.at);
  EXPECT_TRUE(rig.admit({}).lease);
}

TEST(AccountPool, forbidden_excludes_the_account_for_that_model_only) {
  Rig rig(2);
  rig.attempt(0, Effect::kForbidden, {.model = 7});
  for (int i = 0; i < 9; ++i) EXPECT_EQ(rig.admit({.model = 7}).lease->index(), 1u);
  EXPECT_TRUE(rig.admit({.model = 8, .only = 0}).lease);
  for (uint64_t model = 100; model < 200; ++model) rig.attempt(0, Effect::kForbidden, {.model = model});
  EXPECT_TRUE(rig.admit({.model = 100, .only = 0}).lease);  // the oldest are forgotten
  EXPECT_FALSE(rig.admit({.model = 199, .only = 0}).lease);
}

TEST(AccountPool, the_clients_own_mistakes_count_for_nothing) {
  Rig rig;
  for (int i = 0; i < 100; ++i) {
    for (AccountIndex index = 0; index < 3; ++index) rig.attempt(index, judge({.status = i % 2 ? 400 : 422}).effect);
  }
  for (AccountIndex index = 0; index < 3; ++index) EXPECT_TRUE(rig.admit({.only = index}).lease);
}

TEST(AccountPool, a_failing_account_is_ejected_and_comes_back_by_one_call) {
  Rig rig;
  for (int i = 0; i < 5; ++i) rig.attempt(0, Effect::kFailed);
  const Ask ask{.repeatable = true};
  for (int i = 0; i < 9; ++i) EXPECT_NE(rig.admit(ask).lease->index(), 0u);
  rig.clock.advance(30s);
  auto probe = rig.admit(ask);
  EXPECT_EQ(probe.lease->index(), 0u);
  for (int i = 0; i < 9; ++i) EXPECT_NE(rig.admit(ask).lease->index(), 0u);
  rig.pool().ended(*probe.lease, {.effect = Effect::kServed}, rig.clock.now());
  probe.lease.reset();
  // And takes its share slowly.
  std::vector<Lease> held;
  int first = 0;
  for (int i = 0; i < 21; ++i) {
    held.push_back(std::move(*rig.admit(ask).lease));
    first += held.back().index() == 0;
  }
  EXPECT_LE(first, 1);
  held.clear();
  rig.clock.advance(31s);
  first = 0;
  for (int i = 0; i < 21; ++i) {
    held.push_back(std::move(*rig.admit(ask).lease));
    first += held.back().index() == 0;
  }
  EXPECT_EQ(first, 7);
}

TEST(AccountPool, never_more_than_half_and_never_the_last_fit_one_is_ejected) {
  for (size_t accounts = 1; accounts <= 8; ++accounts) {
    Rig rig(accounts);
    for (int round = 0; round < 20; ++round) {
      for (AccountIndex index = 0; index < accounts; ++index) {
        auto admission = rig.admit({.only = index, .repeatable = true});
        if (admission.lease) rig.pool().ended(*admission.lease, {.effect = Effect::kFailed}, rig.clock.now());
      }
    }
    size_t ejected = 0;
    for (const auto& state : rig.pool().states(rig.clock.now())) ejected += state.ejected_until > rig.clock.now();
    EXPECT_EQ(ejected, accounts / 2) << accounts;
    EXPECT_TRUE(rig.admit().lease);
  }
  // The other one is parked later: then the ejected one is better than none.
  Rig rig(2);
  for (int i = 0; i < 5; ++i) rig.attempt(0, Effect::kFailed);
  EXPECT_EQ(rig.admit().lease->index(), 1u);
  rig.attempt(1, Effect::kUnauthorized);
  auto last = rig.admit();
  ASSERT_TRUE(last.lease);
  EXPECT_EQ(last.lease->index(), 0u);
}

TEST(AccountPool, a_conversation_stays_moves_once_and_stays) {
  Rig rig(4);
  const Ask ask{.limits = LimitClass::kSonnet, .affinity = 42};
  auto first = rig.admit(ask);
  EXPECT_EQ(first.lease->home(), Home::kNew);
  const AccountIndex home = first.lease->index();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.admit(ask).lease->index(), home);
  EXPECT_EQ(rig.admit(ask).lease->home(), Home::kKept);
  Stated stated;
  stated.retry_after = 30s;
  rig.pool().answered(*first.lease, stated, true, rig.clock.now());
  auto moved = rig.admit(ask);
  EXPECT_EQ(moved.lease->home(), Home::kMoved);
  const AccountIndex next = moved.lease->index();
  EXPECT_NE(next, home);
  rig.clock.advance(10min);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.admit(ask).lease->index(), next);
}

TEST(AccountPool, conversations_do_not_pile_up_on_one_account) {
  Rig rig(4);
  std::vector<Lease> held;
  for (int i = 0; i < 200; ++i)
    held.push_back(std::move(*rig.admit({.affinity = 42}).lease));  // all of one conversation
  for (AccountIndex index = 0; index < 4; ++index) EXPECT_LE(rig.pool().in_flight(index), 1 + 200 * 1.25 / 4);
}

TEST(AccountPool, configured_ceilings_hold) {
  Rig rig(1);
  rig.config.accounts[0].requests_per_minute = 10;
  const Ask ask{.limits = LimitClass::kSonnet};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rig.admit(ask).lease);
  auto refused = rig.admit(ask);
  EXPECT_FALSE(refused.lease);
  EXPECT_EQ(refused.at, rig.clock.now() + 6s);
  EXPECT_TRUE(rig.admit({.limits = LimitClass::kCountTokens}).lease);
}

TEST(AccountPool, is_used_from_many_threads_and_counts_right) {
  Rig rig(4);
  for (auto& account : rig.config.accounts) account.requests_per_minute = 500;
  AccountPool& pool = rig.pool();
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 2000; ++i) {
        auto admission =
            pool.admit({.limits = LimitClass::kSonnet, .affinity = i % 50 + 1, .repeatable = true}, rig.clock.now());
        if (!admission.lease) continue;
        admitted.fetch_add(1);
        pool.answered(*admission.lease, {}, false, rig.clock.now());
        pool.ended(*admission.lease,
                   {.effect = i % 7 == static_cast<uint64_t>(t) ? Effect::kOverloaded : Effect::kServed},
                   rig.clock.now());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(admitted.load(), 2000);  // no time passes: 4 x 500
  for (AccountIndex index = 0; index < 4; ++index) EXPECT_EQ(pool.in_flight(index), 0);
}

}  // namespace
}  // namespace baton::accounts
