// Loop: one thread's run queue, timers and poller. Everything a request touches lives and dies on the loop that
// accepted it. Life: made first, ended last; run() returns when stop() was called and the queue is empty. Thread: its
// own, but post() and stop() may be called from any. Bounds: the posted queue is bounded by who posts (a handful of
// control actions). Time: now() is read once per turn of the loop, so that it costs nothing to ask.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/units.h"
#include "runtime/clock.h"
#include "runtime/timer_wheel.h"
#include "runtime/wake.h"

namespace baton::runtime {

// What a loop sleeps on: epoll in the program, the clock itself in a simulation.
class Poller {
 public:
  virtual ~Poller() = default;
  // Collects readiness (notifying slots) until something happened or `until` has come. `until` in the past means: do
  // not sleep.
  virtual void poll(Instant until) = 0;
  // Makes a sleeping poll() return. Any thread.
  virtual void interrupt() = 0;
};

class Loop {
 public:
  // Borrows both for its life.
  Loop(Clock& clock, Poller& poller);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();
  // Runs until `done` says so (asked between turns), stopped or not.
  void run_until(const std::function<bool()>& done);
  void stop();
  void post(std::function<void()> action);

  Instant now() const { return now_; }
  WallTime wall() const { return clock_.wall(); }
  const Clock& clock() const { return clock_; }
  TimerWheel& timers() { return timers_; }
  Poller& poller() { return poller_; }

  void enqueue(Wake& wake) {
    if (wake.queued) return;
    wake.queued = true;
    wake.next = nullptr;
    *tail_ = &wake;
    tail_ = &wake.next;
  }
  // Takes a wake back that will not be there to be run. O(queue), rare.
  void forget(Wake& wake);

  // The longest time one turn spent running coroutines since the last call: what a stalled loop shows.
  Duration take_longest_turn();
  // When the loop last came late: a turn ran for kStall or longer, or a sleep ended so much later than asked (the whole
  // process stood still). What was measured across it says more of us than of others. Zero: never.
  static constexpr Duration kStall = std::chrono::milliseconds(100);
  Instant stalled_at() const { return stalled_at_; }
  // Turns so far; a watchdog sees whether they go on.
  uint64_t turns() const { return turns_; }

 private:
  void turn();
  void run_queue();

  Clock& clock_;
  Poller& poller_;
  Instant now_;
  TimerWheel timers_;
  Wake* head_ = nullptr;
  Wake** tail_ = &head_;
  Wake* batch_ = nullptr;  // what is left of the turn's wakes while they run
  bool stopped_ = false;
  uint64_t turns_ = 0;
  Duration longest_turn_{0};
  Instant stalled_at_{};
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace baton::runtime
