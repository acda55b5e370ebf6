// Desk: the one thread of the operator's port that waits for the disk, so that its loop never does: a scrape of the
// metrics does not stand behind a report over a million rows.
// Life: made before the operator's loop runs, ended after it. Thread: do_work() on a loop; the work on the desk's own.
// Bounds: kDeskJobsMax jobs wait; what comes then is refused.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "admin/config.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::admin {

class Desk {
 public:
  Desk();
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Runs `work` there and resumes when it is done; false when too much waits already. Whatever `work` borrows must stay
  // until then, so the wait cannot be cut short.
  runtime::Task<bool> do_work(runtime::Loop& loop, std::function<void()> work);

  // Jobs that have not begun. Any thread.
  size_t waiting();

 private:
  struct Job {
    std::function<void()> work;
    runtime::Loop* loop = nullptr;
    runtime::Slot* done = nullptr;
    bool* finished = nullptr;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::deque<Job> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace baton::admin
