// What a pool makes of the one before a reload, and how an account joins others.
#include <gtest/gtest.h>

#include <vector>

#include "accounts/pool.h"

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

Config accounts(std::initializer_list<const char*> names) {
  Config config;
  for (const char* name : names) {
    auto& one = config.accounts.emplace_back();
    one.name = name;
    one.key = Secret(std::string("key-of-") + name);
    one.base_url = "https://first.example";
    one.endpoints.push_back({.name = "far", .url = "https://second.example"});
  }
  return config;
}

// How many of `calls` calls under way at once the account gets.
int share(AccountPool& pool, AccountIndex account, int calls, Instant now) {
  std::vector<Lease> held;
  int got = 0;
  for (int i = 0; i < calls; ++i) {
    auto admission = pool.admit({.repeatable = true}, now);
    if (!admission.lease) continue;
    got += admission.lease->index() == account;
    held.push_back(std::move(*admission.lease));
  }
  return got;
}

// The same again with every call served, as time goes on.
void serve(AccountPool& pool, AccountIndex account, Instant now) {
  auto admission = pool.admit({.only = account, .repeatable = true}, now);
  ASSERT_TRUE(admission.lease);
  pool.ended(*admission.lease, {.effect = Effect::kServed}, now);
}

TEST(PoolReload, an_account_that_joins_others_gets_its_share_step_by_step) {
  const Config two = accounts({"a", "b"}), three = accounts({"a", "b", "c"});
  runtime::VirtualClock clock;
  AccountPool before(two, clock);
  AccountPool after(three, clock);
  const Instant joined = clock.now();
  after.restore(before.save(joined), joined);
  const int at_first = share(after, 2, 300, joined);
  EXPECT_GE(at_first, 1);
  EXPECT_LE(at_first, 30);
  const int half_way = share(after, 2, 300, joined + three.health.slow_start / 2);
  EXPECT_GT(half_way, 2 * at_first);
  EXPECT_LE(half_way, 70);
  EXPECT_NEAR(share(after, 2, 300, joined + three.health.slow_start), 100, 2);
  serve(after, 2, joined + three.health.slow_start);
  EXPECT_NEAR(share(after, 2, 300, joined + three.health.slow_start), 100, 2);
}

TEST(PoolReload, at_a_first_start_nobody_joins_anybody) {
  const Config three = accounts({"a", "b", "c"});
  runtime::VirtualClock clock;
  AccountPool pool(three, clock);
  EXPECT_NEAR(share(pool, 2, 300, clock.now()), 100, 2);
  pool.restore({}, clock.now());
  EXPECT_NEAR(share(pool, 2, 300, clock.now()), 100, 2);
}

TEST(PoolReload, an_account_that_the_operator_puts_back_gets_its_share_step_by_step) {
  const Config three = accounts({"a", "b", "c"});
  runtime::VirtualClock clock;
  AccountPool pool(three, clock);
  pool.set_duty(2, Duty::kOn, "", clock.now());
  EXPECT_NEAR(share(pool, 2, 300, clock.now()), 100, 2) << "it was never away";
  pool.set_duty(2, Duty::kParked, "", clock.now());
  EXPECT_EQ(share(pool, 2, 300, clock.now()), 0);
  pool.set_duty(2, Duty::kOn, "", clock.now());
  EXPECT_LE(share(pool, 2, 300, clock.now()), 30);
  EXPECT_NEAR(share(pool, 2, 300, clock.now() + three.health.slow_start), 100, 2);
}

TEST(PoolReload, what_calls_use_and_how_fast_endpoints_are_is_known_again) {
  const Config two = accounts({"a", "b"});
  Config changed = accounts({"b", "a"});
  changed.accounts[1].endpoints[0].url = "https://third.example";  // of a
  runtime::VirtualClock clock;
  AccountPool before(two, clock);
  AccountPool after(changed, clock);
  before.forecast().learn("t", LimitClass::kSonnet, 1000, {.input_tokens = 900, .output_tokens = 5000});
  for (EndpointIndex i = 0; i < 2; ++i) {
    for (AccountIndex account = 0; account < 2; ++account) before.endpoints().probed(account, i, 10ms * (i + 1));
  }
  after.follow(before, clock.now());
  EXPECT_EQ(after.forecast().expect("t", LimitClass::kSonnet, 1000, {}).output_tokens,
            before.forecast().expect("t", LimitClass::kSonnet, 1000, {}).output_tokens);
  const auto b = after.endpoints().states(0, clock.now()), a = after.endpoints().states(1, clock.now());
  EXPECT_EQ(b[0].connect, 10ms);
  EXPECT_EQ(b[1].connect, 20ms);
  EXPECT_EQ(a[0].connect, 10ms);
  EXPECT_EQ(a[1].connect, std::nullopt) << "that address is another";
}

TEST(PoolReload, prompts_are_found_where_they_are_cached) {
  const Config two = accounts({"a", "b"});
  Config changed = accounts({"new", "b", "a"});
  runtime::VirtualClock clock;
  AccountPool before(two, clock);
  model::Prompt prompt{.tokens = 21'000};
  prompt.prefixes.push_back({.hash = 77, .tokens = 20'000, .mark = model::CacheMark::k5m});
  const auto ask = [&](uint64_t session) {
    return Ask{
        .model = 1, .limits = LimitClass::kSonnet, .affinity = session, .prompt = &prompt, .cache_tokens_min = 1024};
  };
  std::string home;
  {
    auto admission = before.admit(ask(5), clock.now());
    before.prompt_begun(*admission.lease, ask(5), clock.now());
    home = admission.lease->account().name;
  }
  clock.advance(10s);
  {
    AccountPool after(changed, clock);
    after.restore(before.save(clock.now()), clock.now());
    after.follow(before, clock.now());
    EXPECT_EQ(after.prompt_prefixes(), 1u);
    for (uint64_t session = 100; session < 120; ++session) {
      auto admission = after.admit(ask(session), clock.now());
      ASSERT_TRUE(admission.lease);
      EXPECT_EQ(admission.lease->account().name, home);
      EXPECT_EQ(admission.lease->outlook().matched, 20'000u);
    }
  }
  {  // Another key is another workspace: nothing of its cache is known.
    for (auto& one : changed.accounts) one.key = Secret("another");
    AccountPool after(changed, clock);
    after.follow(before, clock.now());
    EXPECT_EQ(after.prompt_prefixes(), 0u);
  }
  clock.advance(5min);
  AccountPool late(two, clock);
  late.follow(before, clock.now());
  EXPECT_EQ(late.prompt_prefixes(), 0u) << "it has ended";
}

}  // namespace
}  // namespace baton::accounts
