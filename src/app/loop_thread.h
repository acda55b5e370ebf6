// LoopThread: a thread with a loop, named for the operator.
// Life: made, used to make parts, started, finished. Thread: construction and finish() on the app's, the rest on its
// own.
#pragma once

#include <functional>
#include <thread>

#include "net/epoll_poller.h"
#include "runtime/clock.h"
#include "runtime/loop.h"

namespace baton::app {

class LoopThread {
 public:
  LoopThread() : poller_(clock_), loop_(clock_, poller_) {}
  runtime::Loop& loop() { return loop_; }
  net::EpollPoller& poller() { return poller_; }
  void start(const char* name);
  // Stops the loop, joins the thread, then runs the loop here until `settled`; the process ends if it does not settle.
  void finish(const std::function<bool()>& settled);

 protected:
  void stop_and_join();

  runtime::SystemClock clock_;
  net::EpollPoller poller_;
  runtime::Loop loop_;
  std::thread thread_;
};

}  // namespace baton::app
