#include "store/checkpointer.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "store/database.h"

namespace baton::store {

Checkpointer::Checkpointer(std::string path) : path_(std::move(path)) {
  // Signals are for the threads that expect them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Checkpointer::~Checkpointer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_changed_.notify_one();
  thread_.join();
}

void Checkpointer::request() {
  {
    std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  wanted_changed_.notify_one();
}

void Checkpointer::run() {
  pthread_setname_np(pthread_self(), "checkpoint");
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_changed_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    wanted_ = false;
    lock.unlock();
    {
      std::lock_guard file(file_mutex_);
      // Nothing is lost when it fails: the log is read as before, and whoever writes next meets the trouble.
      (void)checkpoint(path_);
    }
    lock.lock();
  }
}

}  // namespace baton::store
