#include "admin/desk.h"

#include <pthread.h>

#include <utility>

#include "runtime/wait.h"

namespace baton::admin {

Desk::Desk() : thread_([this] { run(); }) { ::pthread_setname_np(thread_.native_handle(), "baton-desk"); }

Desk::~Desk() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  there_is_work_.notify_all();
  thread_.join();
}

runtime::Task<bool> Desk::do_work(runtime::Loop& loop, std::function<void()> work) {
  runtime::Slot done;
  bool finished = false;
  {
    std::lock_guard lock(mutex_);
    if (jobs_.size() >= kDeskJobsMax) co_return false;
    jobs_.push_back({std::move(work), &loop, &done, &finished});
  }
  there_is_work_.notify_one();
  while (!finished) co_await runtime::wait(loop, {.slot = &done});
  co_return true;
}

size_t Desk::waiting() {
  std::lock_guard lock(mutex_);
  return jobs_.size();
}

void Desk::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    there_is_work_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.work();
    job.work = nullptr;
    // Both are on the waiting frame: touched on its loop only.
    job.loop->post([done = job.done, finished = job.finished] {
      *finished = true;
      done->notify();
    });
    lock.lock();
  }
}

}  // namespace baton::admin
