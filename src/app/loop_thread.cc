#include "app/loop_thread.h"

#include <pthread.h>

#include <cstdio>
#include <cstdlib>

namespace baton::app {

namespace {
constexpr Duration kSettleLimit = std::chrono::seconds(3);
}

void LoopThread::start(const char* name) {
  thread_ = std::thread([this] { loop_.run(); });
  pthread_setname_np(thread_.native_handle(), name);
}

void LoopThread::stop_and_join() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void LoopThread::finish(const std::function<bool()>& settled) {
  stop_and_join();
  const Instant limit = clock_.now() + kSettleLimit;
  loop_.run_until([&] { return settled() || clock_.now() >= limit; });
  if (settled()) return;
  std::fputs("baton: calls did not end after they were cut; exiting\n", stderr);
  std::_Exit(1);
}

}  // namespace baton::app
