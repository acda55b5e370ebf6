// How connections to upstreams are made and kept.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.h"

namespace baton::upstream {

struct Config {
  size_t idle_per_endpoint_max = 100;
  Duration idle_timeout = std::chrono::seconds(90);
  size_t warm_connections_max = 2;  // made before a call needs them, unused, per endpoint and loop; 0: none
  Duration tls_handshake_timeout = std::chrono::seconds(5);
  Duration connect_timeout = std::chrono::seconds(3);         // one address
  Duration address_stagger = std::chrono::milliseconds(250);  // before the next address is tried beside the first
  Duration first_byte_timeout = std::chrono::seconds(120);    // streamed: request sent to reply head
  Duration first_byte_timeout_unstreamed = std::chrono::seconds(600);
  Duration idle_read_timeout = std::chrono::seconds(900);  // silence inside a reply
  Duration total_timeout = std::chrono::seconds(3600);
  Duration dns_refresh = std::chrono::seconds(60);      // the most an answer is believed, whatever its TTL
  Duration dns_stale_max = std::chrono::seconds(3600);  // a last good answer is used for this long when DNS fails
  uint64_t requests_per_connection_max = 0;             // 0: no limit
  size_t connections_per_endpoint_max = 20'000;         // per loop
};

}  // namespace baton::upstream
