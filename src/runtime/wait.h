// wait(): suspends one coroutine until the first of several things: a stream can be read or written, its peer has gone,
// the call was cancelled, the time has come. Returns the marks of all that hold; checks readiness first and then does
// not suspend at all. Life: everything named is borrowed until it resumes. Thread: one loop. Never allocates.
#pragma once

#include <coroutine>
#include <limits>

#include "base/units.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"

namespace baton::runtime {

inline constexpr Instant kNever{std::numeric_limits<int64_t>::max()};

enum Ready : uint8_t {
  kReadable = 1,
  kWritable = 2,
  kPeerGone = 4,
  kCancelled = 8,
  kTimedOut = 16,
  kNotified = 32,
};

struct WaitFor {
  ByteStream* read = nullptr;
  ByteStream* write = nullptr;
  ByteStream* gone = nullptr;
  Cancellation* cancel = nullptr;
  Instant until = kNever;
  Slot* slot = nullptr;  // anything else; gives kNotified
};

class [[nodiscard]] WaitAwaiter : Waiter {
 public:
  WaitAwaiter(Loop& on, const WaitFor& what) : what_(what) {
    loop = &on;
    run = [](Wake& wake) { static_cast<WaitAwaiter&>(wake).handle_.resume(); };
  }
  WaitAwaiter(const WaitAwaiter&) = delete;
  WaitAwaiter& operator=(const WaitAwaiter&) = delete;

  bool await_ready() noexcept {
    fired = holds();
    return fired != 0;
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    handle_ = handle;
    if (what_.read) what_.read->readable.stand(*this, kReadable);
    if (what_.write) what_.write->writable.stand(*this, kWritable);
    if (what_.gone) what_.gone->hangup.stand(*this, kPeerGone);
    if (what_.cancel) what_.cancel->slot.stand(*this, runtime::kCancelled);
    if (what_.slot) what_.slot->stand(*this, kNotified);
    if (what_.until != kNever) {
      timer_.slot.stand(*this, kTimedOut);
      loop->timers().arm(timer_, what_.until);
    }
  }
  uint8_t await_resume() noexcept {
    if (!handle_) return fired;
    if (what_.read) what_.read->readable.leave(*this);
    if (what_.write) what_.write->writable.leave(*this);
    if (what_.gone) what_.gone->hangup.leave(*this);
    if (what_.cancel) what_.cancel->slot.leave(*this);
    if (what_.slot) what_.slot->leave(*this);
    timer_.disarm();
    return fired;
  }

 private:
  uint8_t holds() const {
    unsigned marks = 0;
    if (what_.cancel && what_.cancel->cancelled()) marks |= runtime::kCancelled;
    if (what_.read && what_.read->can_read()) marks |= kReadable;
    if (what_.write && what_.write->can_write()) marks |= kWritable;
    if (what_.gone && what_.gone->gone()) marks |= kPeerGone;
    if (what_.until <= loop->now()) marks |= kTimedOut;
    return static_cast<uint8_t>(marks);
  }

  WaitFor what_;
  std::coroutine_handle<> handle_;
  Timer timer_;
};

inline WaitAwaiter wait(Loop& loop, const WaitFor& what) { return WaitAwaiter(loop, what); }
inline WaitAwaiter sleep_until(Loop& loop, Instant until) { return WaitAwaiter(loop, WaitFor{.until = until}); }
// Lets others run first.
inline auto yield(Loop& loop) {
  struct Yield : Wake {
    Loop& loop;
    std::coroutine_handle<> handle;
    explicit Yield(Loop& on) : loop(on) {
      run = [](Wake& wake) { static_cast<Yield&>(wake).handle.resume(); };
    }
    bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) noexcept {
      handle = h;
      loop.enqueue(*this);
    }
    void await_resume() noexcept {}
  };
  return Yield(loop);
}

}  // namespace baton::runtime
