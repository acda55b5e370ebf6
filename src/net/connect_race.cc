#include "net/connect_race.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "net/socket_stream.h"
#include "runtime/wait.h"

namespace baton::net {

namespace {

constexpr size_t kTriedMax = 8;

// One address being tried.
struct Runner final : Watched {
  Runner(EpollPoller& by, const IpAddress& to, Instant from, Instant until, runtime::Slot& tell)
      : poller(by), address(to), started(from), deadline(until), changed(tell) {}
  Runner(const Runner&) = delete;
  ~Runner() {
    if (fd) poller.unwatch(fd.get());
  }
  void on_ready(uint32_t) override {
    decided = true;
    changed.notify();
  }

  // 0: connected already or being connected; else errno.
  int start(uint16_t port) {
    fd = Fd(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    set_stream_options(fd.get());
    SocketAddress to = socket_address(address, port);
    if (::connect(fd.get(), to.get(), to.length) != 0 && errno != EINPROGRESS) {
      int error = errno;
      fd.reset();
      return error;
    }
    if (!poller.watch(fd.get(), *this, EPOLLOUT | EPOLLET)) {
      int error = errno;
      fd.reset();
      return error;
    }
    return 0;
  }
  // How it went, once decided.
  int outcome() const {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
  }
  Fd take() {
    poller.unwatch(fd.get());
    return std::move(fd);
  }

  EpollPoller& poller;
  IpAddress address;
  Instant started;
  Instant deadline;
  runtime::Slot& changed;
  Fd fd;
  bool decided = false;
};

// Want of descriptors or ports says nothing about the address.
bool is_ours(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EADDRNOTAVAIL ||
         error == ENOSPC || error == EACCES || error == EPERM;
}

// What was tried and how it failed, for the error's detail.
struct Failures {
  std::string text;
  bool all_silent = true;
  bool ours = false;

  void add(const IpAddress& address, int error) {
    if (!text.empty()) text += ", ";
    text += address.text() + ": " + (error == ETIMEDOUT ? "no answer" : std::strerror(error));
    if (error != ETIMEDOUT) all_silent = false;
    if (is_ours(error)) ours = true;
  }
};

}  // namespace

void AddressHealth::mark_dead(const IpAddress& address, Instant now) {
  std::erase_if(dead_until_, [&](const auto& entry) { return entry.second <= now; });
  if (dead_until_.size() >= kAddressesMax && !dead_until_.contains(address)) return;
  dead_until_[address] = now + kRemembered;
}

bool AddressHealth::dead(const IpAddress& address, Instant now) const {
  auto found = dead_until_.find(address);
  return found != dead_until_.end() && found->second > now;
}

std::vector<IpAddress> AddressHealth::order(const std::vector<IpAddress>& addresses, Instant now) const {
  std::vector<IpAddress> out;
  if (addresses.empty()) return out;
  const bool v4_first = addresses.front().is_v4();
  for (bool want_dead : {false, true}) {
    std::vector<IpAddress> first, second;
    for (const IpAddress& address : addresses) {
      if (dead(address, now) == want_dead) (address.is_v4() == v4_first ? first : second).push_back(address);
    }
    for (size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
      if (i < first.size()) out.push_back(first[i]);
      if (i < second.size()) out.push_back(second[i]);
    }
  }
  return out;
}

runtime::Task<Expected<Connected>> connect_race(runtime::Loop& loop, EpollPoller& poller, AddressHealth& health,
                                                RaceOptions options, runtime::Cancellation& cancel) {
  runtime::Slot changed;
  std::vector<std::unique_ptr<Runner>> running;
  Failures failures;
  const size_t tried_max = std::min(options.addresses.size(), kTriedMax);
  size_t tried = 0;
  Instant next_start = loop.now();
  for (;;) {
    if (cancel.cancelled()) co_return fail(ErrorCode::kCancelled, Fault::kClient, "cancelled while connecting");
    const Instant now = loop.now();
    for (size_t i = 0; i < running.size();) {
      Runner& runner = *running[i];
      const bool late = !runner.decided && runner.deadline <= now;
      if (!runner.decided && !late) {
        ++i;
        continue;
      }
      const int error = late ? ETIMEDOUT : runner.outcome();
      if (error == 0) {
        // Those that were given a head start and are still silent should not cost the next call the same wait.
        for (const auto& other : running) {
          if (!other->decided && now - other->started >= options.stagger) health.mark_dead(other->address, now);
        }
        health.mark_alive(runner.address);
        co_return Connected{runner.take(), runner.address};
      }
      failures.add(runner.address, error);
      if (!is_ours(error)) health.mark_dead(runner.address, now);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      next_start = now;
    }
    while (tried < tried_max && next_start <= now) {
      const IpAddress& address = options.addresses[tried++];
      auto runner = std::make_unique<Runner>(poller, address, now, now + options.connect_timeout, changed);
      if (int error = runner->start(options.port)) {
        failures.add(address, error);
        if (!is_ours(error)) health.mark_dead(address, now);
        continue;
      }
      running.push_back(std::move(runner));
      next_start = now + options.stagger;
    }
    if (running.empty() && tried == tried_max) break;
    Instant until = tried < tried_max ? next_start : runtime::kNever;
    for (const auto& runner : running) until = std::min(until, runner->deadline);
    co_await runtime::wait(loop, {.cancel = &cancel, .until = until, .slot = &changed});
  }
  const ErrorCode code = failures.all_silent ? ErrorCode::kConnectTimeout : ErrorCode::kConnect;
  const Fault fault = failures.ours ? Fault::kUs : Fault::kUpstream;
  co_return fail(code, fault, "cannot connect to port " + std::to_string(options.port) + " of " + failures.text,
                 Retry::kOtherAccount);
}

}  // namespace baton::net
