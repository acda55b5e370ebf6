// EpollPoller: what a loop of the running program sleeps on. A socket is registered once, edge-triggered, for both
// directions; its readiness is remembered by the object behind it, so that no wait costs a system call of its own.
// Life: made before its loop, ended after it. Thread: the loop's, but interrupt() may come from any.
// Bounds: 512 events a turn; the rest comes with the next turn. Source: epoll(7), eventfd(2).
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>

#include "net/fd.h"
#include "runtime/clock.h"
#include "runtime/loop.h"

namespace baton::net {

// What stands behind a registered descriptor. on_ready() may set flags, notify slots, enqueue wakes and make
// non-blocking calls on its own descriptor. It must not run coroutines, nor destroy or unwatch anything: this is what
// makes it safe that the events of one batch hold plain pointers, since nothing can end between the collecting of a
// batch and its last event.
class Watched {
 public:
  virtual void on_ready(uint32_t events) = 0;

 protected:
  ~Watched() = default;
};

class EpollPoller final : public runtime::Poller {
 public:
  static constexpr uint32_t kStream = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

  // Throws std::system_error when the kernel gives no epoll or eventfd (start-up only). Borrows the clock that its loop
  // uses.
  explicit EpollPoller(const runtime::Clock& clock);
  EpollPoller(const EpollPoller&) = delete;
  EpollPoller& operator=(const EpollPoller&) = delete;

  void poll(Instant until) override;
  void interrupt() override;

  // Readiness at the time of the call is reported with the next turn. False when the kernel's limit is reached.
  // `watched` is borrowed until unwatch().
  bool watch(int fd, Watched& watched, uint32_t events = kStream);
  // Before the descriptor is closed: another process may hold a copy of it, and then closing alone would not end the
  // events.
  void unwatch(int fd);
  // Other events for the same descriptor.
  bool rewatch(int fd, Watched& watched, uint32_t events);

 private:
  static constexpr size_t kEventsPerTurn = 512;

  const runtime::Clock& clock_;
  Fd epoll_;
  Fd wake_;
  bool dispatching_ = false;
  std::array<epoll_event, kEventsPerTurn> events_;
};

}  // namespace baton::net
