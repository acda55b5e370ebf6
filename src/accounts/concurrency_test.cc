#include "accounts/concurrency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <queue>
#include <vector>

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

// A server that works on `capacity` calls at a time, each for `service`; the others wait in order. As many calls are
// sent as the limit allows, always: an overload of whatever size.
class Crowd {
 public:
  explicit Crowd(const ConcurrencyConfig& config, uint64_t seed = 7) : limit(config, seed) {}

  void run(Duration time) {
    const Instant end = now + time;
    while (now < end) {
      while (in_flight.size() < std::min<size_t>(limit.limit(), most)) send();
      const Call next = in_flight.top();
      in_flight.pop();
      now = next.done;
      const Duration took = next.done - next.sent;
      latencies.push_back(took);
      limit.sample({.first_byte = took, .sent = next.sent, .in_flight = next.beside}, now);
    }
  }
  // Over the last `count` calls.
  double p99(size_t count) {
    std::vector<Duration> last(latencies.end() - static_cast<std::ptrdiff_t>(std::min(count, latencies.size())),
                               latencies.end());
    std::sort(last.begin(), last.end());
    return seconds(last[last.size() * 99 / 100]);
  }

  ConcurrencyLimit limit;
  Instant now{1'000'000'000'000};
  size_t capacity = 100;
  size_t most = SIZE_MAX;  // what the clients ask for
  Duration service = 500ms;
  std::vector<Duration> latencies;

 private:
  struct Call {
    Instant done;
    Instant sent;
    uint32_t beside;
    bool operator<(const Call& other) const { return done > other.done; }
  };
  void send() {
    slots.resize(capacity, now);
    auto first = std::min_element(slots.begin(), slots.end());
    *first = std::max(*first, now) + service;
    in_flight.push({*first, now, static_cast<uint32_t>(in_flight.size() + 1)});
  }
  std::priority_queue<Call> in_flight;
  std::vector<Instant> slots;
};

constexpr ConcurrencyConfig kExact{.adaptive = true, .tolerance = 0, .slack = 0ms};

TEST(ConcurrencyLimit, finds_a_servers_capacity_within_a_tenth_in_30_s) {
  for (size_t capacity : {40u, 100u, 250u}) {
    Crowd crowd(kExact);
    crowd.capacity = capacity;
    crowd.run(30s);
    EXPECT_NEAR(crowd.limit.limit(), static_cast<double>(capacity), 0.1 * static_cast<double>(capacity));
    EXPECT_LE(crowd.p99(500), 1.5 * seconds(crowd.service)) << capacity;
  }
}

TEST(ConcurrencyLimit, with_the_usual_tolerance_those_admitted_wait_at_most_half_longer) {
  ConcurrencyConfig config{.adaptive = true};
  Crowd crowd(config);
  crowd.run(60s);
  EXPECT_GE(crowd.limit.limit(), 100u);
  EXPECT_LE(crowd.p99(500), 1.5 * seconds(crowd.service));
}

TEST(ConcurrencyLimit, follows_a_capacity_that_falls_and_one_that_comes_back) {
  Crowd crowd(kExact);
  crowd.run(30s);
  ASSERT_NEAR(crowd.limit.limit(), 100, 10);
  crowd.capacity = 30;
  crowd.run(30s);
  EXPECT_NEAR(crowd.limit.limit(), 30, 4);
  crowd.capacity = 100;
  crowd.run(30s);
  EXPECT_NEAR(crowd.limit.limit(), 100, 10);
}

TEST(ConcurrencyLimit, a_floor_that_was_right_once_is_measured_again) {
  Crowd crowd(kExact);
  crowd.run(30s);
  crowd.service = 1500ms;  // longer prompts: nothing is congested
  crowd.run(300s);
  EXPECT_NEAR(seconds(crowd.limit.floor()), 1.5, 0.01);
  EXPECT_NEAR(crowd.limit.limit(), 100, 15);
}

TEST(ConcurrencyLimit, the_limit_is_halved_for_a_few_samples_only) {
  Crowd crowd(kExact);
  crowd.run(30s);
  int measured = 0;
  Duration halved{0};
  for (int i = 0; i < 3000; ++i) {
    const bool before = crowd.limit.measuring();
    crowd.run(100ms);
    if (crowd.limit.measuring()) halved += 100ms;
    if (!before && crowd.limit.measuring()) ++measured;
  }
  EXPECT_GE(measured, 3) << "in 300 s";
  EXPECT_LE(measured, 7);
  EXPECT_LE(halved, 15s);
}

TEST(ConcurrencyLimit, what_is_not_used_does_not_grow) {
  Crowd crowd(kExact);
  crowd.most = 10;
  crowd.run(120s);
  EXPECT_LE(crowd.limit.limit(), 32u);
}

TEST(ConcurrencyLimit, stays_within_its_bounds) {
  ConcurrencyConfig config{.adaptive = true, .initial = 20, .least = 12, .most = 40, .tolerance = 0, .slack = 0ms};
  Crowd crowd(config);
  crowd.run(60s);
  EXPECT_EQ(crowd.limit.limit(), 40u);
  crowd.capacity = 1;
  crowd.service = 100ms;
  for (int i = 0; i < 600; ++i) {
    crowd.run(100ms);
    ASSERT_GE(crowd.limit.limit(), 12u);
  }
  EXPECT_EQ(crowd.limit.limit(), 12u);
}

TEST(ConcurrencyLimit, two_that_began_together_measure_at_different_times) {
  ConcurrencyConfig config = kExact;
  std::vector<int> began;
  for (uint64_t seed : {1u, 2u, 3u}) {
    Crowd crowd(config, seed);
    crowd.run(10s);
    int tenths = 0;
    while (!crowd.limit.measuring() && tenths < 2000) {
      crowd.run(100ms);
      ++tenths;
    }
    began.push_back(tenths);
  }
  EXPECT_NE(began[0], began[1]);
  EXPECT_NE(began[1], began[2]);
}

}  // namespace
}  // namespace baton::accounts
