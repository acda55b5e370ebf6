// What the edge can be told: where to listen and how much it takes from a client. Listed in docs/config.md and
// docs/limits.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "http/http1.h"

namespace baton::edge {

struct TlsFiles {
  std::string cert;  // PEM, leaf first
  std::string key;   // PEM, not encrypted
  bool set() const { return !cert.empty(); }
};

struct ListenConfig {
  std::string address;  // "127.0.0.1", "::1", "0.0.0.0"
  uint16_t port = 0;
  TlsFiles tls;
  bool proxy_protocol = false;  // a PROXY v2 header comes first, from a trusted proxy only
};

struct Config {
  std::vector<ListenConfig> listen{{.address = "127.0.0.1", .port = 8787, .tls = {}}};
  http::HeadLimits head;
  Duration head_timeout = std::chrono::seconds(10);       // first byte of a head to its end
  Duration idle_timeout = std::chrono::seconds(75);       // keep-alive without a request
  Duration body_idle_timeout = std::chrono::seconds(30);  // no byte of a body for this long
  Duration body_grace = std::chrono::seconds(10);         // after it, the minimum rate holds
  size_t body_bytes_per_second_min = 500;
  Duration write_stall_timeout = std::chrono::seconds(120);  // a reader that takes nothing for this long is cut
  size_t connections_max = 20'000;                           // over all loops
  size_t request_bytes_budget = 1 * kGiB;                    // all request bodies in memory together
};

}  // namespace baton::edge
