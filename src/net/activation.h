// Listening sockets that a supervisor opened and passes on (systemd's socket activation), and where a socket is bound.
// Life: functions. Thread: before others are started. Source: sd_listen_fds(3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/fd.h"

namespace baton::net {

struct Bound {
  IpAddress address;
  uint16_t port = 0;
  std::string text() const;  // "127.0.0.1:8787", "[::1]:8787"
};
// Nothing for what is no TCP socket.
std::optional<Bound> bound_to(int fd);

// What LISTEN_PID and LISTEN_FDS say is for this process; the variables are taken away, and no child inherits any of
// it. To be called once.
std::vector<Fd> take_activated();

// Another descriptor of the same socket; empty without one.
Fd duplicate(int fd);

}  // namespace baton::net
