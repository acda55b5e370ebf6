#include "runtime/timer_wheel.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "runtime/clock.h"
#include "runtime/loop.h"

namespace baton::runtime {
namespace {

struct NoPoller final : Poller {
  void poll(Instant) override {}
  void interrupt() override {}
};

// A timer that writes down when it fired.
struct Recorder : Waiter {
  Timer timer;
  int id = 0;
  std::vector<int>* fired_ids = nullptr;
  explicit Recorder(Loop& on) {
    loop = &on;
    run = [](Wake& wake) {
      auto& self = static_cast<Recorder&>(wake);
      self.fired_ids->push_back(self.id);
    };
    timer.slot.stand(*this, 1);
  }
};

// The wheel against a sorted map: same timers, same firing times (rounded up to the tick), any mix of arming, moving
// and disarming.
TEST(TimerWheel, agrees_with_a_sorted_map_on_random_programs) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    VirtualClock clock;
    NoPoller poller;
    Loop loop(clock, poller);
    TimerWheel wheel(clock.now());
    std::deque<Recorder> timers;
    std::vector<int> fired;
    for (int i = 0; i < 200; ++i) {
      timers.emplace_back(loop);
      timers.back().id = i;
      timers.back().fired_ids = &fired;
    }
    std::map<int, int64_t> due;  // id -> tick
    const int64_t spans[] = {3, 70, 5'000, 400'000, 30'000'000, 1'000'000'000};
    for (int step = 0; step < 3000; ++step) {
      int id = static_cast<int>(random.below(timers.size()));
      auto action = random.below(10);
      if (action < 6) {
        int64_t delay_us = static_cast<int64_t>(random.below(static_cast<uint64_t>(spans[random.below(6)]) * 1000));
        Instant at = clock.now() + std::chrono::microseconds(delay_us);
        wheel.arm(timers[static_cast<size_t>(id)].timer, at);
        int64_t now_tick = clock.now().ns / 1'000'000;
        due[id] = std::max((at.ns + 999'999) / 1'000'000, now_tick + 1);
      } else if (action < 7) {
        timers[static_cast<size_t>(id)].timer.disarm();
        due.erase(id);
      } else {
        int64_t ahead = static_cast<int64_t>(random.below(static_cast<uint64_t>(spans[random.below(6)])));
        if (random.chance(0.5) && wheel.size() > 0) ahead = (wheel.next().ns - clock.now().ns) / 1'000'000 + 1;
        clock.advance(std::chrono::milliseconds(std::max<int64_t>(ahead, 0)));
        fired.clear();
        wheel.advance(clock.now());
        loop.run_until([once = 0]() mutable { return once++ > 0; });
        int64_t now_tick = clock.now().ns / 1'000'000;
        std::vector<int> want;
        std::vector<std::pair<int64_t, int>> expired;
        for (auto& [which, tick] : due) {
          if (tick <= now_tick) expired.emplace_back(tick, which);
        }
        for (auto& [tick, which] : expired) due.erase(which);
        ASSERT_EQ(fired.size(), expired.size()) << "seed " << seed << " step " << step;
        // In order of time.
        std::map<int, int64_t> tick_of;
        for (auto& [tick, which] : expired) tick_of[which] = tick;
        int64_t last = 0;
        for (int which : fired) {
          ASSERT_TRUE(tick_of.contains(which)) << "seed " << seed << " step " << step;
          ASSERT_GE(tick_of[which], last) << "seed " << seed << " step " << step;
          last = tick_of[which];
        }
      }
      ASSERT_EQ(wheel.size(), due.size());
      if (!due.empty()) {
        int64_t earliest = INT64_MAX;
        for (auto& [which, tick] : due) earliest = std::min(earliest, tick);
        ASSERT_LE(wheel.next().ns, earliest * 1'000'000)
            << "a timer would be slept through, seed " << seed << " step " << step;
        ASSERT_GT(wheel.next().ns, 0);
      }
    }
    for (auto& timer : timers) timer.timer.disarm();
  }
}

TEST(TimerWheel, is_never_early_and_clamps_the_far_future) {
  VirtualClock clock;
  NoPoller poller;
  Loop loop(clock, poller);
  TimerWheel wheel(clock.now());
  std::vector<int> fired;
  Recorder timer(loop);
  timer.fired_ids = &fired;
  wheel.arm(timer.timer, clock.now() + std::chrono::microseconds(1500));
  wheel.advance(clock.now() + std::chrono::microseconds(1400));
  EXPECT_TRUE(timer.timer.armed());
  wheel.advance(clock.now() + std::chrono::milliseconds(2));
  EXPECT_FALSE(timer.timer.armed());
  wheel.arm(timer.timer, {INT64_MAX / 2});
  EXPECT_TRUE(timer.timer.armed());
  EXPECT_LT(wheel.next().ns, INT64_MAX);
  timer.timer.disarm();
  EXPECT_EQ(wheel.next().ns, INT64_MAX);
  loop.run_until([once = 0]() mutable { return once++ > 0; });
}

}  // namespace
}  // namespace baton::runtime
