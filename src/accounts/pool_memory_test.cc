#include "accounts/pool_memory.h"

#include <gtest/gtest.h>

#include "accounts/pool.h"

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

struct Rig {
  Rig() {
    for (const char* name : {"a", "b", "c"}) {
      auto& one = config.accounts.emplace_back();
      one.name = name;
      one.key = Secret(std::string("key-of-") + name);
    }
  }
  AccountPool& pool() {
    if (!made) made = std::make_unique<AccountPool>(config, clock);
    return *made;
  }
  // Another process, some time later.
  void restart(Duration after) {
    const PoolMemory memory = pool().save(clock.now());
    made.reset();
    clock.advance(after);
    auto read = memory_from_text(to_text(memory));
    ASSERT_TRUE(read) << read.error();
    pool().restore(*read, clock.now());
  }
  std::optional<Lease> take(AccountIndex index, Ask ask = {.repeatable = true}) {
    ask.only = index;
    return pool().admit(ask, clock.now()).lease;
  }
  void attempt(AccountIndex index, Effect effect, Ask ask = {.repeatable = true}) {
    auto lease = take(index, ask);
    ASSERT_TRUE(lease) << index;
    pool().ended(*lease, {.effect = effect, .model = ask.model}, clock.now());
  }
  AccountState state(AccountIndex index) { return pool().states(clock.now())[index]; }

  Config config;
  runtime::VirtualClock clock;
  std::unique_ptr<AccountPool> made;
};

TEST(PoolMemory, what_the_vendor_said_of_an_account_survives_a_restart) {
  Rig rig;
  rig.attempt(0, Effect::kUnauthorized);
  rig.attempt(1, Effect::kForbidden, {.model = 0xfedcba9876543210, .repeatable = true});
  for (int i = 0; i < 5; ++i) rig.attempt(2, Effect::kFailed);
  ASSERT_EQ(rig.state(0).parked, ParkReason::kUnauthorized);
  ASSERT_GT(rig.state(2).ejected_until, rig.clock.now());
  rig.restart(10s);
  EXPECT_EQ(rig.state(0).parked, ParkReason::kUnauthorized);
  EXPECT_EQ(rig.state(0).parked_until, runtime::kNever);
  EXPECT_FALSE(rig.take(1, {.model = 0xfedcba9876543210}));
  EXPECT_TRUE(rig.take(1, {.model = 1}));
  EXPECT_EQ(rig.state(2).ejected_until, rig.clock.now() + 20s);
  rig.restart(25s);
  EXPECT_EQ(rig.state(2).ejected_until, Instant{});
  EXPECT_TRUE(rig.state(2).probing) << "after its time it is half open as it would have been";
}

TEST(PoolMemory, limits_and_benches_survive_and_refill_meanwhile) {
  Rig rig;
  const Ask ask{.limits = LimitClass::kSonnet};
  {
    auto lease = rig.take(0, ask);
    Stated stated;
    stated.limits.meters[0] = {.limit = 60, .remaining = 0};
    stated.retry_after = 40s;
    rig.pool().answered(*lease, stated, /*limited=*/true, rig.clock.now());
  }
  const Instant benched = rig.clock.now() + 40s;
  rig.restart(15s);
  ASSERT_EQ(rig.state(0).classes.size(), 1u);
  const AccountState::Class limits = rig.state(0).classes[0];
  EXPECT_EQ(limits.limits, LimitClass::kSonnet);
  EXPECT_EQ(limits.benched_until, benched);
  EXPECT_EQ(limits.limit[0], 60);
  EXPECT_NEAR(limits.level[0], 15, 1.5);
  EXPECT_FALSE(rig.take(0, ask)) << "the time that it named holds after a restart";
  EXPECT_TRUE(rig.take(1, ask));
  rig.restart(25s);
  EXPECT_TRUE(rig.take(0, ask));
}

TEST(PoolMemory, a_conversation_finds_its_account_again) {
  Rig rig;
  std::vector<AccountIndex> homes;
  for (uint64_t key = 1; key <= 40; ++key)
    homes.push_back(rig.pool().admit({.affinity = key}, rig.clock.now()).lease->index());
  // Moved away from where rendezvous would send it.
  const AccountIndex other = (homes[0] + 1) % 3;
  ASSERT_EQ(rig.take(other, {.affinity = 1})->home(), Home::kMoved);
  rig.restart(1min);
  EXPECT_EQ(rig.pool().admit({.affinity = 1}, rig.clock.now()).lease->index(), other);
  for (uint64_t key = 2; key <= 40; ++key) {
    auto admission = rig.pool().admit({.affinity = key}, rig.clock.now());
    EXPECT_EQ(admission.lease->home(), Home::kKept) << key;
    EXPECT_EQ(admission.lease->index(), homes[key - 1]) << key;
  }
  rig.restart(2h);
  EXPECT_EQ(rig.pool().admit({.affinity = 2}, rig.clock.now()).lease->home(), Home::kNew);
}

TEST(PoolMemory, only_so_many_conversations_are_kept_and_those_of_the_latest_calls) {
  Rig rig;
  for (uint64_t i = 0; i < 2 * kRememberedMax; ++i) {
    rig.clock.advance(1ms);
    rig.pool().admit({.affinity = (i << 32) | 1}, rig.clock.now());
  }
  const PoolMemory memory = rig.pool().save(rig.clock.now());
  ASSERT_EQ(memory.bindings.size(), kRememberedMax);
  for (const auto& one : memory.bindings) ASSERT_GE(one.conversation >> 32, kRememberedMax);
}

TEST(PoolMemory, the_operators_word_holds_until_the_operator_takes_it_back) {
  struct {
    Duty duty;
    bool open;    // to new calls
    bool pinned;  // to calls for what belongs to the account
  } const cases[] = {{Duty::kOn, true, true}, {Duty::kDraining, false, true}, {Duty::kParked, false, false}};
  for (const auto& c : cases) {
    Rig rig;
    auto before = rig.take(1);
    rig.pool().set_duty(1, c.duty, "maintenance \"tonight\"\n", rig.clock.now());
    EXPECT_EQ(rig.state(1).in_flight, 1) << "open calls are left alone";
    for (int round = 0; round < 2; ++round) {
      int given = 0;
      std::vector<Lease> held;
      for (int i = 0; i < 9; ++i)
        given += held.emplace_back(std::move(*rig.pool().admit({}, rig.clock.now()).lease)).index() == 1;
      held.clear();
      EXPECT_EQ(given > 0, c.open) << name(c.duty) << round;
      EXPECT_EQ(rig.take(1).has_value(), c.pinned) << name(c.duty) << round;
      EXPECT_EQ(rig.state(1).duty, c.duty);
      EXPECT_EQ(rig.state(1).duty_reason, c.duty == Duty::kOn ? "" : "maintenance \"tonight\"\n");
      before.reset();
      rig.restart(24h);
    }
    rig.pool().set_duty(1, Duty::kOn, "", rig.clock.now());
    EXPECT_TRUE(rig.take(1));
  }
}

TEST(PoolMemory, success_of_an_open_call_does_not_end_a_drain) {
  Rig rig;
  auto lease = rig.take(1);
  rig.pool().set_duty(1, Duty::kDraining, "", rig.clock.now());
  rig.pool().ended(*lease, {.effect = Effect::kServed}, rig.clock.now());
  lease.reset();
  for (int i = 0; i < 9; ++i) EXPECT_NE(rig.pool().admit({}, rig.clock.now()).lease->index(), 1u);
}

TEST(PoolMemory, release_frees_what_was_parked_ejected_or_excluded) {
  Rig rig;
  rig.attempt(0, Effect::kUnauthorized);
  rig.attempt(1, Effect::kForbidden, {.model = 7, .repeatable = true});
  for (int i = 0; i < 5; ++i) rig.attempt(2, Effect::kFailed);
  for (AccountIndex i = 0; i < 3; ++i) rig.pool().set_duty(i, Duty::kOn, "", rig.clock.now());
  for (AccountIndex i = 0; i < 3; ++i) EXPECT_TRUE(rig.take(i, {.model = 7})) << i;
}

TEST(PoolMemory, with_every_account_parked_by_the_operator_nothing_is_given_and_nothing_waits) {
  Rig rig;
  for (AccountIndex i = 0; i < 3; ++i) rig.pool().set_duty(i, Duty::kParked, "", rig.clock.now());
  auto admission = rig.pool().admit({}, rig.clock.now());
  EXPECT_FALSE(admission.lease);
  EXPECT_EQ(admission.at, runtime::kNever);
}

TEST(PoolMemory, an_account_with_another_key_or_address_begins_anew) {
  for (bool key : {true, false}) {
    Rig rig;
    rig.attempt(0, Effect::kUnauthorized);
    rig.pool().set_duty(1, Duty::kDraining, "", rig.clock.now());
    const PoolMemory memory = rig.pool().save(rig.clock.now());
    rig.made.reset();
    for (auto& one : rig.config.accounts) {
      if (key) one.key = Secret("another");
      if (!key) one.base_url = "https://elsewhere.example";
    }
    rig.pool().restore(memory, rig.clock.now());
    EXPECT_EQ(rig.state(0).parked, ParkReason::kNone);
    EXPECT_EQ(rig.state(1).duty, Duty::kDraining) << "the operator spoke of the name";
  }
}

TEST(PoolMemory, accounts_that_came_or_went_disturb_nothing) {
  Rig rig;
  rig.attempt(2, Effect::kUnauthorized);
  auto home = rig.pool().admit({.affinity = 5}, rig.clock.now()).lease->index();
  const std::string name = rig.config.accounts[home].name;
  const PoolMemory memory = rig.pool().save(rig.clock.now());
  rig.made.reset();
  std::swap(rig.config.accounts[0], rig.config.accounts[2]);
  rig.config.accounts[1].name = "new";
  rig.pool().restore(memory, rig.clock.now());
  EXPECT_EQ(rig.state(0).parked, ParkReason::kUnauthorized);
  EXPECT_EQ(rig.state(1).parked, ParkReason::kNone);
  auto again = rig.pool().admit({.affinity = 5}, rig.clock.now());
  if (rig.pool().find(name) && name != "c") EXPECT_EQ(rig.config.accounts[again.lease->index()].name, name);
}

TEST(PoolMemory, no_credential_is_in_its_text) {
  Rig rig;
  const std::string text = to_text(rig.pool().save(rig.clock.now()));
  EXPECT_EQ(text.find("key-of"), std::string::npos);
}

TEST(PoolMemory, a_text_that_is_not_whole_or_not_ours_is_refused) {
  Rig rig;
  rig.attempt(0, Effect::kUnauthorized);
  rig.attempt(1, Effect::kForbidden, {.model = 9, .repeatable = true});
  rig.pool().admit({.affinity = 5}, rig.clock.now());
  const PoolMemory memory = rig.pool().save(rig.clock.now());
  const std::string text = to_text(memory);
  auto whole = memory_from_text(text);
  ASSERT_TRUE(whole);
  EXPECT_EQ(*whole, memory);
  for (size_t cut = 0; cut < text.size(); ++cut) {
    EXPECT_FALSE(memory_from_text(std::string_view(text).substr(0, cut))) << cut;
  }
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = '\0';
    (void)memory_from_text(changed);  // never crashes
  }
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return memory_from_text(changed).has_value();
  };
  EXPECT_FALSE(with("\"version\":1", "\"version\":2"));
  EXPECT_FALSE(with("\"duty\":\"on\"", "\"duty\":\"off\""));
  EXPECT_FALSE(with("\"ejections\":0", "\"ejections\":-1"));
  EXPECT_FALSE(with("\"lines\":", "\"lines\":1"));
  EXPECT_FALSE(with("\"what\":\"account\"", "\"what\":\"amount!\""));
  EXPECT_FALSE(memory_from_text(text + "{}\n"));
}

TEST(PoolMemory, times_of_a_clock_that_was_wrong_keep_nothing_out_for_years) {
  Rig rig;
  rig.attempt(0, Effect::kUnauthorized);
  PoolMemory memory = rig.pool().save(rig.clock.now());
  memory.accounts[0].parked = ParkReason::kSpendCap;
  memory.accounts[0].parked_until = rig.clock.wall() + std::chrono::years(3);
  memory.accounts[1].ejected_until = rig.clock.wall() + std::chrono::years(3);
  rig.made.reset();
  rig.pool().restore(memory, rig.clock.now());
  EXPECT_EQ(rig.state(0).parked, ParkReason::kNone);
  EXPECT_EQ(rig.state(1).ejected_until, Instant{});
}

}  // namespace
}  // namespace baton::accounts
