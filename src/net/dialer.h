// make_tcp_dialer(): the Dialer of the running program. One dial is: resolve, race to an address, through a proxy if
// one is set, TLS if asked for. Every step has a deadline and ends when the call is cancelled; on every way out all
// sockets but the one given are closed. Life: one per loop and target, made in app/; dials may overlap; nobody may be
// dialling when it ends. Thread: its loop's. Bounds: see connect_race.h, proxy_tunnel.h; a dial lasts at most resolver
// timeout + race + proxy_timeout + tls_handshake_timeout.
#pragma once

#include <memory>
#include <string>

#include "base/units.h"
#include "net/epoll_poller.h"
#include "net/resolver.h"
#include "runtime/byte_stream.h"
#include "runtime/loop.h"

namespace baton::net {

class TlsClientContext;

struct DialOptions {
  runtime::DialTarget target;
  Duration connect_timeout = std::chrono::seconds(3);  // one address
  Duration tls_handshake_timeout = std::chrono::seconds(5);
  Duration address_stagger = std::chrono::milliseconds(250);
  Duration proxy_timeout = std::chrono::seconds(10);  // the proxy's whole conversation, its own connecting included
  TlsClientContext* tls = nullptr;                    // null: plain. Outlives the dialer and its streams
  std::string proxy_url = {};                         // empty: none; see parse_proxy_url()
  // Without it an address that is not public is never connected to, whatever name led there. With a proxy the proxy
  // decides.
  bool allow_private = false;
};

// Throws std::invalid_argument when proxy_url is wrong or target.tls is set without `tls` (start-up only). Borrows
// loop, poller and resolver for its life.
std::unique_ptr<runtime::Dialer> make_tcp_dialer(runtime::Loop& loop, EpollPoller& poller, Resolver& resolver,
                                                 DialOptions options);

}  // namespace baton::net
