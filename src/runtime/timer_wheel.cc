#include "runtime/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "runtime/loop.h"  // Waiter::fire

namespace baton::runtime {

namespace {
constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
}

TimerWheel::TimerWheel(Instant start) : current_(static_cast<uint64_t>(start.ns / kTickNs)) {}

void TimerWheel::arm(Timer& timer, Instant at) {
  timer.disarm();
  // Rounded up: a timer is never early.
  uint64_t tick = static_cast<uint64_t>(std::max<int64_t>(0, at.ns + kTickNs - 1) / kTickNs);
  constexpr uint64_t kLongest = (1ull << (kBits * kLevels)) - 1;
  timer.tick_ = std::clamp(tick, current_ + 1, current_ + kLongest);
  timer.wheel_ = this;
  ++size_;
  link(timer);
}

void TimerWheel::link(Timer& timer) {
  uint64_t differing = timer.tick_ ^ current_;
  int level = differing == 0 ? 0 : (63 - std::countl_zero(differing)) / kBits;
  level = std::min(level, kLevels - 1);
  uint64_t slot = (timer.tick_ >> (level * kBits)) & (kSlots - 1);
  timer.bucket_ = static_cast<uint16_t>(static_cast<uint64_t>(level) * kSlots + slot);
  Timer*& head = buckets_[timer.bucket_];
  timer.prev_ = nullptr;
  timer.next_ = head;
  if (head != nullptr) head->prev_ = &timer;
  head = &timer;
  occupied_[static_cast<size_t>(level)] |= 1ull << slot;
}

void TimerWheel::unlink(Timer& timer) {
  if (timer.prev_ != nullptr) {
    timer.prev_->next_ = timer.next_;
  } else {
    buckets_[timer.bucket_] = timer.next_;
    if (timer.next_ == nullptr) occupied_[timer.bucket_ / kSlots] &= ~(1ull << (timer.bucket_ % kSlots));
  }
  if (timer.next_ != nullptr) timer.next_->prev_ = timer.prev_;
  timer.prev_ = timer.next_ = nullptr;
  timer.wheel_ = nullptr;
  --size_;
}

// The earliest tick at which some bucket must be looked at: its own time on level 0, its first tick above.
uint64_t TimerWheel::next_tick() const {
  uint64_t best = kNone;
  for (int level = 0; level < kLevels; ++level) {
    uint64_t bits = occupied_[static_cast<size_t>(level)];
    if (bits == 0) continue;
    int shift = level * kBits;
    uint64_t here = (current_ >> shift) & (kSlots - 1);
    // The top level may wrap; below it a bucket at or before `here` belongs to the next turn, which cannot be: it would
    // sit higher.
    uint64_t ahead = std::rotr(bits, static_cast<int>(here));
    uint64_t distance = static_cast<uint64_t>(std::countr_zero(ahead));
    if (distance == 0 && level > 0) distance = kSlots;
    uint64_t tick = ((current_ >> shift) + distance) << shift;
    best = std::min(best, std::max(tick, current_));
  }
  return best;
}

void TimerWheel::advance(Instant now) {
  uint64_t target = static_cast<uint64_t>(now.ns / kTickNs);
  while (size_ > 0) {
    uint64_t tick = next_tick();
    if (tick > target) break;
    current_ = tick;
    for (int level = kLevels - 1; level >= 0; --level) {
      int shift = level * kBits;
      if (level > 0 && (current_ & ((1ull << shift) - 1)) != 0) continue;
      uint64_t slot = (current_ >> shift) & (kSlots - 1);
      size_t bucket = static_cast<size_t>(level) * kSlots + slot;
      Timer* timer = buckets_[bucket];
      buckets_[bucket] = nullptr;
      occupied_[static_cast<size_t>(level)] &= ~(1ull << slot);
      // Lists are last in, first out; turned round so that equal times fire in the order they were armed.
      Timer* ordered = nullptr;
      while (timer != nullptr) {
        Timer* next = timer->next_;
        timer->next_ = ordered;
        ordered = timer;
        timer = next;
      }
      while (ordered != nullptr) {
        Timer* next = ordered->next_;
        ordered->prev_ = ordered->next_ = nullptr;
        if (ordered->tick_ <= current_) {
          ordered->wheel_ = nullptr;
          --size_;
          ordered->slot.notify();
        } else {
          link(*ordered);
        }
        ordered = next;
      }
    }
  }
  current_ = std::max(current_, target);
}

Instant TimerWheel::next() const {
  uint64_t tick = size_ == 0 ? kNone : next_tick();
  if (tick == kNone) return {std::numeric_limits<int64_t>::max()};
  return {static_cast<int64_t>(tick) * kTickNs};
}

}  // namespace baton::runtime
