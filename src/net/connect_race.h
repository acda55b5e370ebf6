// connect_race(): a TCP connection to whichever of several addresses answers first. The next address is tried beside
// the first when that is silent for a while, or at once when it failed; families alternate. Source: RFC 8305 (happy
// eyeballs). AddressHealth remembers addresses that failed, so that they are tried last for a minute. Thread: one loop.
// Bounds: 8 addresses a race, 64 remembered; at most (8 staggers + one connect_timeout) long.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/address.h"
#include "net/epoll_poller.h"
#include "net/fd.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::net {

class AddressHealth {
 public:
  static constexpr Duration kRemembered = std::chrono::seconds(60);
  static constexpr size_t kAddressesMax = 64;

  void mark_dead(const IpAddress& address, Instant now);
  void mark_alive(const IpAddress& address) { dead_until_.erase(address); }
  bool dead(const IpAddress& address, Instant now) const;
  // Living ones first, families alternating beginning with that of the first one given; then the dead, in the same way.
  std::vector<IpAddress> order(const std::vector<IpAddress>& addresses, Instant now) const;

 private:
  std::map<IpAddress, Instant> dead_until_;
};

struct RaceOptions {
  std::vector<IpAddress> addresses;  // in the order to be tried
  uint16_t port = 0;
  Duration connect_timeout{};  // one address
  Duration stagger{};
};

struct Connected {
  Fd fd;  // non-blocking, connected
  IpAddress address;
};

// kConnect, kConnectTimeout (every address was silent), kCancelled. Every other socket is closed when it returns.
runtime::Task<Expected<Connected>> connect_race(runtime::Loop& loop, EpollPoller& poller, AddressHealth& health,
                                                RaceOptions options, runtime::Cancellation& cancel);

}  // namespace baton::net
