// EchoSocket: one ICMP echo to one address. Prefers the kernel's ping socket, which any process in ping_group_range may
// open and which sorts replies out itself; a raw socket where only that is allowed. Life: on the frame of a probe.
// Thread: one loop. Bounds: one descriptor, messages of 64 bytes. Source: RFC 792, RFC 4443, icmp(7), raw(7).
#pragma once

#include <cstdint>

#include "net/address.h"
#include "net/epoll_poller.h"
#include "net/fd.h"
#include "runtime/wake.h"

namespace baton::net {

class EchoSocket final : public Watched {
 public:
  explicit EchoSocket(EpollPoller& poller) : poller_(poller) {}
  EchoSocket(const EchoSocket&) = delete;
  EchoSocket& operator=(const EchoSocket&) = delete;
  ~EchoSocket();

  // False when this process may not send echoes, or the address cannot be reached.
  bool send(const IpAddress& to, uint16_t sequence);
  // Reads what has come; true once the answer to what was sent is among it.
  bool answered();
  void on_ready(uint32_t) override { readable.notify(); }
  runtime::Slot readable;

 private:
  bool is_answer(const uint8_t* message, size_t bytes) const;

  EpollPoller& poller_;
  Fd fd_;
  IpAddress to_;
  bool raw_ = false;
  uint16_t identifier_ = 0;
  uint16_t sequence_ = 0;
};

}  // namespace baton::net
