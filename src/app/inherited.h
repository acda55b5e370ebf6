// Inherited: listening sockets that were open before this process began to serve: a predecessor's, or a supervisor's.
// Every loop takes its share, so that no connection that waits in one of them is lost.
// Life: on serve()'s frame, until everything listens; what nobody took is closed then. Thread: the app's main one.
// Bounds: as many as were passed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "net/fd.h"

namespace baton::app {

class Inherited {
 public:
  enum class Role : uint8_t { kCalls, kOperator, kMetrics };
  // Address and port as they are configured: port 0 may be any.
  struct Socket {
    Role role = Role::kCalls;
    std::string address;
    uint16_t port = 0;
    net::Fd fd;
  };

  void add(Socket socket) { sockets_.push_back(std::move(socket)); }
  // A supervisor's. kConfig: one is no listening TCP socket, or none that the settings name.
  Expected<void> add_activated(std::vector<net::Fd> fds, const config::Settings& settings);
  bool empty() const { return sockets_.empty(); }

  // For one of `loops` loops: its share of the sockets of this address, dealt out in turn; where there are fewer
  // sockets than loops, some loops share one. Empty when there is none of this address.
  std::vector<net::Fd> share(Role role, const edge::ListenConfig& where, size_t index = 0, size_t loops = 1);

 private:
  std::vector<Socket> sockets_;
};

}  // namespace baton::app
