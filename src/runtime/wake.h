// Wake, Slot: how anything resumes a coroutine. A Slot is a place where at most one waiter may stand (a socket's
// readable side, a timer, a cancellation); notifying it puts the waiter on the loop's run queue. A waiter may stand in
// several slots at once and learns from `fired` which of them spoke. Life: a Waiter lives on the frame of the coroutine
// that waits. Thread: one loop. Bounds: no allocation, O(1) everywhere.
#pragma once

#include <coroutine>
#include <cstdint>

namespace baton::runtime {

class Loop;

// Something the loop runs once per enqueue.
struct Wake {
  using Run = void (*)(Wake&);
  Run run = nullptr;
  Wake* next = nullptr;
  bool queued = false;
};

// A Wake with a set of marks saying who woke it.
struct Waiter : Wake {
  Loop* loop = nullptr;
  uint8_t fired = 0;
  void fire(uint8_t mark);
};

struct Slot {
  Waiter* waiter = nullptr;
  uint8_t mark = 0;
  void notify() {
    if (waiter != nullptr) waiter->fire(mark);
  }
  void stand(Waiter& w, uint8_t with_mark) {
    waiter = &w;
    mark = with_mark;
  }
  void leave(const Waiter& w) {
    if (waiter == &w) waiter = nullptr;
  }
};

}  // namespace baton::runtime
