#include "accounts/concurrency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <queue>
#include <vector>

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

// A server that takes `service`, a tenth more or less, for a call, and longer in proportion when it has more than
// `capacity` of them. As many calls are sent as the limit allows, always: an overload of whatever size.
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
    const double crowd = std::max(1.0, static_cast<double>(in_flight.size() + 1) / static_cast<double>(capacity));
    const double took = seconds(service) * crowd * (0.9 + 0.2 * random.unit());
    in_flight.push(
        {now + Duration{static_cast<int64_t>(took * 1e9)}, now, static_cast<uint32_t>(in_flight.size() + 1)});
  }
  std::priority_queue<Call> in_flight;
  runtime::Random random{5};
};

constexpr ConcurrencyConfig kExact{.adaptive = true, .tolerance = 0, .slack = 0ms};

TEST(ConcurrencyLimit, finds_a_servers_capacity_within_a_tenth_in_30_s) {
  struct Row {
    size_t capacity;
    uint32_t initial;
  };
  for (auto [capacity, initial] : {Row{40, 32}, Row{100, 32}, Row{250, 100}}) {
    ConcurrencyConfig config = kExact;
    config.initial = initial;
    Crowd crowd(config);
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
  EXPECT_NEAR(seconds(crowd.limit.floor()), 1.5, 0.05);
  EXPECT_NEAR(crowd.limit.limit(), 100, 15);
}

TEST(ConcurrencyLimit, the_limit_is_halved_for_a_few_samples_only) {
  Crowd crowd(kExact);
  crowd.run(30s);
  int measured = 0;
  Duration halved{0};
  const Instant end = crowd.now + 300s;
  while (crowd.now < end) {
    const bool before = crowd.limit.measuring();
    const Instant then = crowd.now;
    crowd.run(1ns);  // one answer
    if (before) halved += crowd.now - then;
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
  const Instant end = crowd.now + 60s;
  while (crowd.now < end) {
    crowd.run(1ns);
    ASSERT_GE(crowd.limit.limit(), 12u);
  }
  EXPECT_LE(crowd.limit.limit(), 14u) << "with so few in flight the floor is what it is";
}

TEST(ConcurrencyLimit, two_that_began_together_measure_at_different_times) {
  ConcurrencyConfig config = kExact;
  std::vector<Instant> began;
  for (uint64_t seed : {1u, 2u, 3u}) {
    Crowd crowd(config, seed);
    crowd.run(10s);
    const Instant end = crowd.now + 200s;
    while (!crowd.limit.measuring() && crowd.now < end) crowd.run(1ns);
    began.push_back(crowd.now);
  }
  EXPECT_GT(std::abs((began[0] - began[1]).count()), 1'000'000'000);
  EXPECT_GT(std::abs((began[1] - began[2]).count()), 1'000'000'000);
}

}  // namespace
}  // namespace baton::accounts
