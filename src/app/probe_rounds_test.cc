#include "app/probe_rounds.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace baton::app {
namespace {

using namespace std::chrono_literals;
using runtime::Task;

struct SkippingPoller final : runtime::Poller {
  runtime::VirtualClock& clock;
  explicit SkippingPoller(runtime::VirtualClock& c) : clock(c) {}
  void poll(Instant until) override {
    if (until != runtime::kNever && until > clock.now()) clock.set(until);
  }
  void interrupt() override {}
};

struct ScriptedProber final : net::Prober {
  Task<Expected<net::Probed>> probe(const runtime::DialTarget& target, bool, runtime::Cancellation&) override {
    ++asked[target.host];
    const auto found = away.find(target.host);
    if (found == away.end()) co_return fail(ErrorCode::kConnect, Fault::kUpstream, "nobody there");
    co_return net::Probed{found->second, net::ProbeWay::kEcho};
  }
  std::map<std::string, Duration> away;
  std::map<std::string, int> asked;
};

class ProbeRoundsTest : public testing::Test {
 protected:
  ProbeRoundsTest() {
    settings.accounts.accounts.resize(3);
    settings.accounts.accounts[0] = {.name = "several", .base_url = "https://far.example"};
    settings.accounts.accounts[0].endpoints = {{"near", "https://near.example"}, {"gone", "https://gone.example"}};
    settings.accounts.accounts[1] = {.name = "single", .base_url = "https://single.example"};
    settings.accounts.accounts[2] = {.name = "proxied", .base_url = "https://a.example"};
    settings.accounts.accounts[2].endpoints = {{"b", "https://b.example"}};
    settings.accounts.accounts[2].proxy = "http://proxy.example:3128";
    prober.away = {{"far.example", 180ms}, {"near.example", 9ms}, {"single.example", 20ms}};
  }
  void run(Duration time) {
    auto made = Revision::make(settings, 1, clock);
    ASSERT_TRUE(made) << made.error().detail;
    revision = *made;
    runtime::TaskGroup tasks;
    tasks.spawn(probe_rounds(loop, random, prober, [this] { return revision; }, cancel));
    const Instant until = clock.now() + time;
    loop.run_until([&] { return clock.now() >= until; });
    cancel.cancel(runtime::CancelReason::kDrain);
    loop.run_until([&] { return tasks.size() == 0; });
  }
  runtime::VirtualClock clock;
  SkippingPoller poller{clock};
  runtime::Loop loop{clock, poller};
  runtime::Random random{3};
  runtime::Cancellation cancel;
  config::Settings settings;
  ScriptedProber prober;
  std::shared_ptr<Revision> revision;
};

TEST_F(ProbeRoundsTest, the_times_reach_the_pool_and_calls_go_to_what_is_near) {
  run(1s);
  const auto states = revision->accounts.states(clock.now())[0].endpoints;
  ASSERT_EQ(states.size(), 3u);
  EXPECT_EQ(states[0].connect, 180ms);
  EXPECT_EQ(states[1].connect, 9ms);
  EXPECT_FALSE(states[2].connect) << "it did not answer";
  EXPECT_FALSE(states[1].first_byte) << "no call was made yet";
  int near = 0;
  for (int i = 0; i < 60; ++i) {
    auto lease = revision->accounts.admit({.only = 0}, clock.now()).lease;
    ASSERT_TRUE(lease);
    if (lease->endpoint() == 1) ++near;
  }
  EXPECT_GE(near, 30) << "whenever it is one of the two that are drawn";
}

TEST_F(ProbeRoundsTest, rounds_come_about_every_interval) {
  run(300s);
  EXPECT_GE(prober.asked["near.example"], 8);
  EXPECT_LE(prober.asked["near.example"], 14);
}

TEST_F(ProbeRoundsTest, an_account_with_one_endpoint_or_a_proxy_is_not_probed) {
  run(100s);
  EXPECT_EQ(prober.asked.count("single.example"), 0u);
  EXPECT_EQ(prober.asked.count("a.example") + prober.asked.count("b.example"), 0u);
}

TEST_F(ProbeRoundsTest, no_interval_means_never) {
  settings.accounts.probes.interval = 0s;
  run(300s);
  EXPECT_TRUE(prober.asked.empty());
}

}  // namespace
}  // namespace baton::app
