// Who may call. No clients and no keys: only loopback peers, whatever key they send.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/secret.h"

namespace baton::auth {

inline constexpr size_t kKeyBytesMin = 16;
inline constexpr size_t kKeyBytesMax = 512;
// How far the time of a signature may be from the relay's clock, on either side.
inline constexpr std::chrono::seconds kSignatureWindow{300};
inline constexpr size_t kNoncesMax = 1'000'000;
// Where relays share a database: how many requests wait for its word on their nonces, how long one answer of it may
// take, and how long it is left alone after a failure.
inline constexpr size_t kNonceClaimsMax = 4096;
inline constexpr std::chrono::seconds kNonceAnswer{2};
inline constexpr std::chrono::seconds kNonceRest{1};

struct ClientConfig {
  std::string name;
  Secret key;
};

struct Config {
  std::vector<ClientConfig> clients;
  bool keys_required = false;                // even from this host, and before there is any
  std::vector<std::string> trusted_proxies;  // CIDRs: their X-Forwarded-For or PROXY header is believed
};

}  // namespace baton::auth
