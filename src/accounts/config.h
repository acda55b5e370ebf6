// The accounts that the operator owns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"

namespace baton::accounts {

struct AccountConfig {
  std::string name;
  std::string provider = "anthropic";
  std::string base_url = "https://api.anthropic.com";
  Secret key;
  bool passthrough = false;       // key: passthrough — forward the client's own credential
  uint32_t weight = 1;            // 1 to 1000
  std::string limit_domain;       // what the vendor meters together; the account's name by default
  std::string cache_domain;       // what shares a prompt cache; limit_domain + "/default" by default
  std::string ca_file;            // PEM bundle instead of the system's
  std::string proxy;              // http://user:pw@host:port or socks5://host:port
  bool allow_private = false;     // base_url may resolve to a loopback, private or link-local address
  bool show_rate_limits = false;  // anthropic-ratelimit-* reach the client
};

struct Config {
  std::vector<AccountConfig> accounts;
  uint32_t attempts_max = 3;  // per call, 1 to model::kAttemptsMax
};

}  // namespace baton::accounts
