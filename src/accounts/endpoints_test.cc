#include "accounts/endpoints.h"

#include <gtest/gtest.h>

#include <map>

#include "accounts/pool.h"

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

struct Rig {
  explicit Rig(size_t endpoints, bool adaptive = false) {
    AccountConfig& account = config.accounts.emplace_back();
    account.name = "a";
    for (size_t i = 1; i < endpoints; ++i)
      account.endpoints.push_back({.name = "region-" + std::to_string(i), .url = "https://r" + std::to_string(i)});
    config.concurrency.adaptive = adaptive;
  }
  EndpointChooser& chooser() {
    if (!made) made = std::make_unique<EndpointChooser>(config);
    return *made;
  }
  // A call whose first byte takes what its endpoint takes, after which it is over. Gives the endpoint.
  EndpointIndex call(uint64_t conversation = 0) {
    auto place = chooser().enter(0, 0, conversation, now);
    const Duration took = speed[place.endpoint];
    now = now + took;
    chooser().first_byte(0, place, took, false, now);
    chooser().served(0, place, now);
    chooser().leave(0, place);
    return place.endpoint;
  }
  std::map<EndpointIndex, int> calls(int count, uint64_t conversation = 0) {
    std::map<EndpointIndex, int> per_endpoint;
    for (int i = 0; i < count; ++i) ++per_endpoint[call(conversation)];
    return per_endpoint;
  }
  void fail(EndpointIndex at, int times) {
    for (int i = 0; i < times; ++i) {
      EndpointChooser::Place place{.endpoint = at};
      absorbed = chooser().failed(0, place, now);
    }
  }
  Config config;
  std::unique_ptr<EndpointChooser> made;
  Instant now{1'000'000'000'000};
  std::vector<Duration> speed = std::vector<Duration>(kEndpointsMax, 300ms);
  bool absorbed = false;
};

TEST(EndpointChooser, one_endpoint_is_always_the_one) {
  Rig rig(1);
  EXPECT_EQ(rig.calls(100)[0], 100);
  EXPECT_FALSE(rig.chooser().several());
  EXPECT_FALSE(rig.chooser().full(0, rig.now));
  EXPECT_FALSE(rig.chooser().has_other(0, 1, rig.now));
  rig.fail(0, 10);
  EXPECT_FALSE(rig.absorbed) << "it is the account that failed";
  auto states = rig.chooser().states(0, rig.now);
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].url, "https://api.anthropic.com");
  EXPECT_EQ(states[0].first_byte, 300ms);
  EXPECT_FALSE(states[0].concurrency_limit);
}

TEST(EndpointChooser, equals_share_the_calls_and_a_slow_one_gets_hardly_any) {
  Rig rig(3);
  auto equal = rig.calls(600);
  for (EndpointIndex i = 0; i < 3; ++i) EXPECT_GT(equal[i], 60) << i;
  rig.speed[1] = 3s;
  auto unequal = rig.calls(3000);
  EXPECT_LE(unequal[1], 20);
  EXPECT_GE(unequal[1], 5) << "it is tried again and again";
}

TEST(EndpointChooser, one_that_has_recovered_is_found) {
  Rig rig(2);
  rig.speed[1] = 3s;
  rig.calls(500);
  rig.speed[1] = 100ms;
  rig.calls(1500);
  EXPECT_GT(rig.calls(100)[1], 90);
}

TEST(EndpointChooser, before_any_call_the_network_says_which_is_near) {
  Rig rig(3);
  rig.chooser().probed(0, 0, 120ms);
  rig.chooser().probed(0, 1, 8ms);
  rig.chooser().probed(0, 2, 200ms);
  std::map<EndpointIndex, int> per_endpoint;
  std::vector<EndpointChooser::Place> places;
  for (int i = 0; i < 90; ++i) {
    places.push_back(rig.chooser().enter(0, 0, 0, rig.now));
    ++per_endpoint[places.back().endpoint];
    rig.chooser().leave(0, places.back());
  }
  EXPECT_GT(per_endpoint[1], 50);  // whenever it is drawn
  EXPECT_EQ(per_endpoint[2], 0) << "the farthest is always drawn beside a nearer one";
}

TEST(EndpointChooser, while_none_has_answered_yet_load_spreads_them) {
  Rig rig(3);
  std::map<EndpointIndex, int> per_endpoint;
  for (int i = 0; i < 90; ++i) ++per_endpoint[rig.chooser().enter(0, 0, 0, rig.now).endpoint];
  for (EndpointIndex i = 0; i < 3; ++i) EXPECT_NEAR(per_endpoint[i], 30, 10) << i;
}

TEST(EndpointChooser, a_conversation_stays_and_leaves_a_slow_one_for_good) {
  Rig rig(3);
  rig.calls(30);
  std::map<EndpointIndex, int> first_of;
  for (uint64_t conversation = 1; conversation <= 60; ++conversation) {
    const EndpointIndex first = rig.call(conversation);
    ++first_of[first];
    for (int i = 0; i < 5; ++i) EXPECT_EQ(rig.call(conversation), first) << conversation;
  }
  for (EndpointIndex i = 0; i < 3; ++i) EXPECT_GT(first_of[i], 8) << i;
}

TEST(EndpointChooser, failures_in_a_row_eject_an_endpoint_but_not_the_last_one_that_is_fit) {
  Rig rig(2);
  rig.calls(50);
  rig.fail(0, 5);
  EXPECT_TRUE(rig.absorbed);
  EXPECT_EQ(rig.calls(50)[0], 0);
  EXPECT_FALSE(rig.chooser().has_other(0, 0b10, rig.now));
  rig.fail(1, 20);
  EXPECT_FALSE(rig.absorbed) << "nothing else is fit: it is the account's";
  EXPECT_EQ(rig.calls(10)[1], 10);
  // It comes back with a single call first.
  rig.now = rig.now + 31s;
  auto probe = rig.chooser().enter(0, 0, 0, rig.now);
  auto next = rig.chooser().enter(0, 0, 0, rig.now);
  EXPECT_EQ(probe.endpoint + next.endpoint, 1u) << "one each";
  const auto& back = probe.endpoint == 0 ? probe : next;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.chooser().enter(0, 0, 0, rig.now).endpoint, 1u);
  EXPECT_TRUE(rig.chooser().failed(0, back, rig.now));
  EXPECT_GT(rig.chooser().states(0, rig.now)[0].ejected_until, rig.now + 59s) << "twice as long";
}

TEST(EndpointChooser, one_that_is_overloaded_is_spared_for_a_moment_when_there_are_others) {
  Rig rig(2);
  rig.calls(20);
  EXPECT_TRUE(rig.chooser().overloaded(0, {.endpoint = 1}, 5s, rig.now));
  EXPECT_EQ(rig.chooser().enter(0, 0, 0, rig.now).endpoint, 0u);
  EXPECT_FALSE(rig.chooser().overloaded(0, {.endpoint = 0}, 5s, rig.now)) << "the account is";
}

TEST(EndpointChooser, a_call_moves_to_an_endpoint_that_it_did_not_try) {
  Rig rig(3);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(rig.chooser().enter(0, 0b101, 0, rig.now).endpoint, 1u);
  EXPECT_FALSE(rig.chooser().has_other(0, 0b111, rig.now));
  EXPECT_LT(rig.chooser().enter(0, 0b111, 0, rig.now).endpoint, 3u) << "a call always finds one";
}

TEST(EndpointChooser, a_voided_first_byte_teaches_nothing) {
  Rig rig(2, /*adaptive=*/true);
  rig.calls(20);
  const auto before = rig.chooser().states(0, rig.now);
  for (int i = 0; i < 100; ++i) {
    auto place = rig.chooser().enter(0, 0, 0, rig.now);
    rig.now = rig.now + 30s;
    rig.chooser().first_byte(0, place, 30s, /*voided=*/true, rig.now);
    rig.chooser().leave(0, place);
  }
  const auto after = rig.chooser().states(0, rig.now);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after[i].first_byte, before[i].first_byte) << i;
    EXPECT_EQ(after[i].concurrency_limit, before[i].concurrency_limit) << i;
    EXPECT_EQ(after[i].in_flight, 0) << i;
  }
}

TEST(EndpointChooser, an_account_is_full_when_all_of_its_endpoints_are) {
  Rig rig(2, /*adaptive=*/true);
  rig.config.concurrency = {.adaptive = true, .initial = 10, .least = 4, .most = 20};
  std::vector<EndpointChooser::Place> places;
  while (!rig.chooser().full(0, rig.now)) {
    ASSERT_LT(places.size(), 100u);
    places.push_back(rig.chooser().enter(0, 0, 0, rig.now));
  }
  EXPECT_EQ(places.size(), 20u);
  for (const auto& one : rig.chooser().states(0, rig.now)) EXPECT_EQ(one.in_flight, 10);
  rig.chooser().leave(0, places.back());
  EXPECT_FALSE(rig.chooser().full(0, rig.now));
}

// The pool sees a full account as one that has no room now, and gives the room on as soon as a call ends.
TEST(AccountPool, an_account_at_its_concurrency_limit_has_no_room_now) {
  runtime::VirtualClock clock;
  Config config;
  config.accounts.resize(2);
  config.accounts[0].name = "a";
  config.accounts[1].name = "b";
  config.concurrency = {.adaptive = true, .initial = 3, .least = 1, .most = 20};
  AccountPool pool(config, clock);
  const Ask ask{.limits = LimitClass::kSonnet};
  std::vector<Lease> held;
  for (int i = 0; i < 6; ++i) {
    auto admission = pool.admit(ask, clock.now());
    ASSERT_TRUE(admission.lease) << i;
    held.push_back(std::move(*admission.lease));
  }
  auto refused = pool.admit(ask, clock.now());
  ASSERT_FALSE(refused.lease);
  EXPECT_EQ(refused.at, clock.now() + AccountPool::kFullPause);
  EXPECT_EQ(pool.earliest(ask, clock.now()), refused.at);
  EXPECT_TRUE(pool.admit({.limits = LimitClass::kCountTokens}, clock.now()).lease) << "counting tokens is no load";
  held.pop_back();
  EXPECT_TRUE(pool.admit(ask, clock.now()).lease);
}

TEST(AccountPool, failures_of_one_endpoint_do_not_eject_the_account) {
  runtime::VirtualClock clock;
  Config config;
  config.accounts.resize(2);
  config.accounts[0].name = "a";
  config.accounts[0].endpoints.push_back({.name = "near", .url = "https://near"});
  config.accounts[1].name = "b";
  AccountPool pool(config, clock);
  for (int i = 0; i < 40; ++i) {
    auto admission = pool.admit({.only = 0, .repeatable = true}, clock.now());
    ASSERT_TRUE(admission.lease) << i;
    const bool bad = admission.lease->endpoint() == 1;
    pool.ended(*admission.lease, {.effect = bad ? Effect::kFailed : Effect::kServed}, clock.now());
  }
  auto states = pool.states(clock.now());
  EXPECT_EQ(states[0].ejected_until.ns, 0);
  ASSERT_EQ(states[0].endpoints.size(), 2u);
  EXPECT_GT(states[0].endpoints[1].ejected_until, clock.now());
  EXPECT_EQ(pool.take_elsewhere(0, 0b01, clock.now()).has_value(), false);
  EXPECT_EQ(pool.take_elsewhere(0, 0b10, clock.now())->endpoint(), 0u);
}

TEST(AccountPool, a_failure_while_our_own_loop_stood_still_is_nobodys) {
  runtime::VirtualClock clock;
  Config config;
  config.accounts.resize(2);
  config.accounts[0].name = "a";
  config.accounts[1].name = "b";
  AccountPool pool(config, clock);
  for (int i = 0; i < 20; ++i) {
    auto admission = pool.admit({.only = 0, .repeatable = true}, clock.now());
    ASSERT_TRUE(admission.lease) << i;
    pool.ended(*admission.lease, {.effect = Effect::kFailed, .stalled = true}, clock.now());
  }
  EXPECT_EQ(pool.states(clock.now())[0].failures, 0u);
}

}  // namespace
}  // namespace baton::accounts
