// TimerWheel: a hierarchical wheel of coarse timers (1 ms ticks, five levels of 64). Arming and disarming are O(1) and
// allocate nothing; the node lives in its owner. Life: one per loop. Thread: one loop. Bounds: delays up to 2^30 ms (12
// days); longer ones are clamped. Source: Varghese & Lauck, "Hashed and Hierarchical Timing Wheels", 1987.
#pragma once

#include <array>
#include <cstdint>

#include "base/units.h"
#include "runtime/wake.h"

namespace baton::runtime {

class TimerWheel;

// A timer notifies its slot once, not before its time and at most one tick late plus the loop's own delay.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }

  bool armed() const { return wheel_ != nullptr; }
  void disarm();
  Slot slot;

 private:
  friend class TimerWheel;
  TimerWheel* wheel_ = nullptr;
  Timer* prev_ = nullptr;
  Timer* next_ = nullptr;
  uint64_t tick_ = 0;
  uint16_t bucket_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Instant start);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms (or moves) the timer. A time that has passed fires at the next advance.
  void arm(Timer& timer, Instant at);
  // Notifies everything that is due at `now`, in order of time.
  void advance(Instant now);
  // The time of the next thing to do (a timer or a cascade), or Instant{INT64_MAX} when nothing is armed.
  Instant next() const;
  size_t size() const { return size_; }

 private:
  friend class Timer;
  static constexpr int kBits = 6;
  static constexpr uint64_t kSlots = 1u << kBits;
  static constexpr int kLevels = 5;
  static constexpr int64_t kTickNs = 1'000'000;

  void link(Timer& timer);
  void unlink(Timer& timer);
  uint64_t next_tick() const;
  uint64_t due_tick(uint64_t tick) const;

  uint64_t current_;
  size_t size_ = 0;
  std::array<uint64_t, kLevels> occupied_{};
  std::array<Timer*, kLevels * kSlots> buckets_{};
};

inline void Timer::disarm() {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

}  // namespace baton::runtime
