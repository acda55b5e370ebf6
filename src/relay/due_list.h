// DueList: things that wait for their time, handed out when it has come, on one timer. Life: a member of who asks for
// them. Thread: its loop's. Bounds: its owner's.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "runtime/loop.h"
#include "runtime/wait.h"

namespace baton::relay {

template <class Thing>
class DueList {
 public:
  DueList(runtime::Loop& loop, std::function<void(Thing)> due) : alarm_(*this, loop), due_(std::move(due)) {}

  void add(Instant at, Thing thing) {
    waiting_.emplace(at, std::move(thing));
    arm();
  }
  void clear() {
    alarm_.timer.disarm();
    waiting_.clear();
  }
  size_t size() const { return waiting_.size(); }

 private:
  // Where the timer of the next one notifies.
  struct Alarm : runtime::Waiter {
    runtime::Timer timer;
    DueList& of;
    Alarm(DueList& list, runtime::Loop& on) : of(list) {
      loop = &on;
      run = [](runtime::Wake& wake) { static_cast<Alarm&>(wake).of.look(); };
    }
    ~Alarm() {
      timer.disarm();
      loop->forget(*this);
    }
  };
  void arm() {
    if (waiting_.empty()) return;
    alarm_.timer.slot.stand(alarm_, runtime::kTimedOut);
    alarm_.loop->timers().arm(alarm_.timer, waiting_.begin()->first);
  }
  void look() {
    while (!waiting_.empty() && waiting_.begin()->first <= alarm_.loop->now()) {
      Thing next = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      due_(std::move(next));
    }
    arm();
  }

  Alarm alarm_;
  std::function<void(Thing)> due_;
  std::multimap<Instant, Thing> waiting_;
};

}  // namespace baton::relay
