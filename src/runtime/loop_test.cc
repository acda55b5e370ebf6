#include "runtime/loop.h"

#include <gtest/gtest.h>

#include <thread>

#include "runtime/cancel.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace baton::runtime {
namespace {

struct SkippingPoller final : Poller {
  VirtualClock& clock;
  explicit SkippingPoller(VirtualClock& c) : clock(c) {}
  void poll(Instant until) override {
    if (until != kNever && until > clock.now()) clock.set(until);
  }
  void interrupt() override {}
};

class LoopTest : public testing::Test {
 protected:
  VirtualClock clock;
  SkippingPoller poller{clock};
  Loop loop{clock, poller};
  TaskGroup tasks;
  void settle() {
    loop.run_until([this] { return tasks.size() == 0; });
  }
};

Task<int> doubled(int x) { co_return 2 * x; }
Task<int> deep(int n) {
  if (n == 0) co_return 0;
  int below = co_await deep(n - 1);
  co_return below + 1;
}
Task<void> store_sum(int& out) {
  int a = co_await doubled(3);
  int b = co_await doubled(4);
  out = a + b;
}
Task<int> thrower() {
  throw std::runtime_error("boom");
  co_return 1;
}
Task<void> catcher(std::string& what) {
  try {
    co_await thrower();
  } catch (const std::runtime_error& error) {
    what = error.what();
  }
}
Task<void> count_down(int& from) { from = co_await deep(50'000); }

TEST_F(LoopTest, tasks_give_values_and_exceptions_to_their_awaiter) {
  int sum = 0;
  std::string what;
  tasks.spawn(store_sum(sum));
  tasks.spawn(catcher(what));
  EXPECT_EQ(sum, 14);
  EXPECT_EQ(what, "boom");
  EXPECT_EQ(tasks.size(), 0u);
}

Task<void> sleeper(Loop& loop, Duration by, std::vector<int>& order, int id) {
  co_await sleep_until(loop, loop.now() + by);
  order.push_back(id);
}

TEST_F(LoopTest, sleepers_wake_in_order_of_time) {
  std::vector<int> order;
  const Instant start = clock.now();
  tasks.spawn(sleeper(loop, std::chrono::seconds(30), order, 3));
  tasks.spawn(sleeper(loop, std::chrono::milliseconds(5), order, 1));
  tasks.spawn(sleeper(loop, std::chrono::seconds(2), order, 2));
  settle();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(clock.now() - start, Duration(std::chrono::seconds(30)));
}

Task<void> wait_both(Loop& loop, Cancellation& cancel, uint8_t& marks) {
  marks = co_await wait(loop, {.cancel = &cancel, .until = loop.now() + std::chrono::seconds(1)});
}
Task<void> cancel_after(Loop& loop, Cancellation& cancel, Duration by) {
  co_await sleep_until(loop, loop.now() + by);
  cancel.cancel(CancelReason::kClientGone);
}

TEST_F(LoopTest, a_wait_ends_with_the_first_of_its_sources_and_leaves_the_others) {
  uint8_t marks = 0;
  Cancellation cancel;
  tasks.spawn(wait_both(loop, cancel, marks));
  tasks.spawn(cancel_after(loop, cancel, std::chrono::milliseconds(10)));
  settle();
  EXPECT_EQ(marks, kCancelled);
  EXPECT_EQ(loop.timers().size(), 0u);
  EXPECT_EQ(cancel.slot.waiter, nullptr);
  Cancellation never;
  tasks.spawn(wait_both(loop, never, marks));
  settle();
  EXPECT_EQ(marks, kTimedOut);
  EXPECT_EQ(never.slot.waiter, nullptr);
  tasks.spawn(wait_both(loop, cancel, marks));
  EXPECT_EQ(marks, kCancelled) << "a source that holds already does not suspend";
}

Task<void> spin(Loop& loop, int times, std::vector<int>& order, int id) {
  for (int i = 0; i < times; ++i) {
    order.push_back(id);
    co_await yield(loop);
  }
}

TEST_F(LoopTest, yielding_lets_others_run) {
  std::vector<int> order;
  tasks.spawn(spin(loop, 3, order, 1));
  tasks.spawn(spin(loop, 3, order, 2));
  settle();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 1, 2, 1, 2}));
}

TEST_F(LoopTest, a_forgotten_wake_does_not_run) {
  struct Counting : Wake {
    int runs = 0;
  };
  Counting a, b, c;
  for (Counting* one : {&a, &b, &c}) {
    one->run = [](Wake& wake) { ++static_cast<Counting&>(wake).runs; };
    loop.enqueue(*one);
  }
  loop.enqueue(b);  // twice is once
  loop.forget(c);
  loop.forget(a);
  loop.run_until([n = 0]() mutable { return n++ > 1; });
  EXPECT_EQ(a.runs, 0);
  EXPECT_EQ(b.runs, 1);
  EXPECT_EQ(c.runs, 0);
  loop.enqueue(c);
  loop.run_until([n = 0]() mutable { return n++ > 1; });
  EXPECT_EQ(c.runs, 1);
}

TEST_F(LoopTest, a_turn_ends_though_the_last_wake_of_it_was_forgotten_on_the_way) {
  struct Busy : Wake {
    Loop* loop = nullptr;
    Wake* forgets = nullptr;
    int runs = 0;
  };
  Busy restless, idle;
  restless.loop = &loop;
  restless.forgets = &idle;
  restless.run = [](Wake& wake) {
    auto& self = static_cast<Busy&>(wake);
    self.loop->forget(*self.forgets);
    if (++self.runs < 100) self.loop->enqueue(self);
  };
  idle.run = [](Wake& wake) { ++static_cast<Busy&>(wake).runs; };
  loop.enqueue(restless);
  loop.enqueue(idle);
  loop.run_until([n = 0]() mutable { return n++ > 0; });
  EXPECT_EQ(restless.runs, 1);
  EXPECT_EQ(idle.runs, 0);
  loop.run_until([n = 0]() mutable { return n++ > 2; });
  EXPECT_EQ(restless.runs, 4);
  loop.forget(restless);
}

TEST_F(LoopTest, frames_are_reused_for_any_depth) {
  int depth = 0;
  tasks.spawn(count_down(depth));
  EXPECT_EQ(depth, 50'000);
}

TEST(LoopThreads, posting_from_another_thread_and_stopping_ends_the_run) {
  struct SleepyPoller final : Poller {
    std::atomic<int> interrupted{0};
    void poll(Instant until) override {
      if (until.ns == 0) return;
      interrupted.wait(0);
      interrupted = 0;
    }
    void interrupt() override {
      interrupted = 1;
      interrupted.notify_one();
    }
  };
  SystemClock clock;
  SleepyPoller poller;
  Loop loop(clock, poller);
  int ran = 0;
  std::thread thread([&] { loop.run(); });
  for (int i = 0; i < 100; ++i) loop.post([&] { ++ran; });
  loop.stop();
  thread.join();
  EXPECT_EQ(ran, 100);
}

TEST_F(LoopTest, a_turn_that_runs_long_is_remembered_and_a_short_one_is_not) {
  EXPECT_EQ(loop.stalled_at(), Instant{});
  loop.post([&] { clock.advance(Loop::kStall - std::chrono::milliseconds(1)); });
  loop.run_until([turns = 0]() mutable { return ++turns > 2; });
  EXPECT_EQ(loop.stalled_at(), Instant{});
  loop.post([&] { clock.advance(Loop::kStall); });
  loop.run_until([turns = 0]() mutable { return ++turns > 2; });
  EXPECT_EQ(loop.stalled_at(), clock.now());
}

TEST_F(LoopTest, a_sleep_that_ends_far_too_late_is_a_stall_too) {
  struct LatePoller final : Poller {
    VirtualClock& clock;
    Duration late{0};
    explicit LatePoller(VirtualClock& c) : clock(c) {}
    void poll(Instant until) override {
      if (until != kNever && until > clock.now()) clock.set(until + late);
    }
    void interrupt() override {}
  } late_poller(clock);
  Loop late_loop(clock, late_poller);
  Timer timer;
  for (Duration late : {Duration{0}, Duration{std::chrono::seconds(30)}}) {
    late_poller.late = late;
    late_loop.timers().arm(timer, clock.now() + std::chrono::seconds(1));
    const Instant due = clock.now() + std::chrono::seconds(1);
    late_loop.run_until([&] { return clock.now() >= due; });
    EXPECT_EQ(late_loop.stalled_at(), late.count() == 0 ? Instant{} : clock.now());
  }
}

}  // namespace
}  // namespace baton::runtime
