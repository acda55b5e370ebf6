// Prober: how far away a host is: the network's time for a short message there and back. A seam: simulations script it.
// make_prober() gives the program's own: an ICMP echo from an unprivileged ping socket (or a raw one, where the process
// may), else the time that a TCP connection takes. Life: one per loop, outlived by loop, poller and resolver. Thread:
// one loop. Bounds: ProbeOptions.timeout for each of resolving, echo and connecting; one socket a probe.
// Source: RFC 792, RFC 4443, icmp(7).
#pragma once

#include <memory>

#include "base/error.h"
#include "base/units.h"
#include "net/epoll_poller.h"
#include "net/resolver.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::net {

enum class ProbeWay : uint8_t { kEcho, kConnect };

struct Probed {
  Duration round_trip{};
  ProbeWay way = ProbeWay::kEcho;
};

class Prober {
 public:
  virtual ~Prober() = default;
  // kConnect, kConnectTimeout: it could not be reached in either way. kCancelled.
  virtual runtime::Task<Expected<Probed>> probe(const runtime::DialTarget& target, bool allow_private,
                                                runtime::Cancellation& cancel) = 0;
};

struct ProbeOptions {
  Duration timeout = std::chrono::seconds(2);
  bool echo = true;  // false: connections only
};

std::unique_ptr<Prober> make_prober(runtime::Loop& loop, EpollPoller& poller, Resolver& resolver, ProbeOptions options);

}  // namespace baton::net
