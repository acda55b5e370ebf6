#include "net/epoll_poller.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

#include "base/check.h"

namespace baton::net {

namespace {

// Milliseconds for epoll_wait, rounded up so that the loop does not wake before the time and spin.
int sleep_ms(Instant until, const runtime::Clock& clock) {
  if (until.ns <= 0) return 0;
  if (until.ns == std::numeric_limits<int64_t>::max()) return -1;
  int64_t left = (until - clock.now()).count();
  if (left <= 0) return 0;
  constexpr int64_t kLongestMs = std::numeric_limits<int>::max();
  return static_cast<int>(std::min((left - 1) / 1'000'000 + 1, kLongestMs));
}

}  // namespace

EpollPoller::EpollPoller(const runtime::Clock& clock)
    : clock_(clock), epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !wake_) throw std::system_error(errno, std::generic_category(), "epoll");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

void EpollPoller::poll(Instant until) {
  int n = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), sleep_ms(until, clock_));
  if (n < 0) {
    BATON_CHECK(errno == EINTR);
    return;
  }
  dispatching_ = true;
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    // The eventfd is edge-triggered too: every write is a new edge, so that its count need not be read.
    if (auto* watched = static_cast<Watched*>(events_[i].data.ptr)) watched->on_ready(events_[i].events);
  }
  dispatching_ = false;
}

void EpollPoller::interrupt() {
  uint64_t one = 1;
  // Can only fail when the count would overflow; then an edge is pending anyway.
  (void)!::write(wake_.get(), &one, sizeof one);
}

bool EpollPoller::watch(int fd, Watched& watched, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool EpollPoller::rewatch(int fd, Watched& watched, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void EpollPoller::unwatch(int fd) {
  BATON_CHECK(!dispatching_);
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace baton::net
