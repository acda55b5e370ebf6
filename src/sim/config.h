// What the simulator can be told. Everything is deterministic from `seed` and the requests' order and times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"

namespace baton::sim {

// One organization: keys share its limits; each key has a workspace, which is what shares a prompt cache.
struct KeyConfig {
  std::string key;  // "*" accepts any
  std::string workspace = "default";
};

struct OrgConfig {
  std::string id = "org_sim";
  std::vector<KeyConfig> keys{{.key = "*", .workspace = "default"}};
  uint64_t requests_per_minute = 0;  // 0: no limit
  uint64_t input_tokens_per_minute = 0;
  uint64_t output_tokens_per_minute = 0;
};

// A share of requests that fails, drawn from the seed.
struct ErrorMix {
  double rate_limited = 0;  // 429 with retry-after 1
  double overloaded = 0;    // 529
  double server_error = 0;  // 500
  double reset = 0;         // the connection is reset in the middle of the reply
  double stream_error = 0;  // an `error` event in the middle of the stream
};

struct Config {
  uint64_t seed = 1;
  std::vector<OrgConfig> orgs{OrgConfig{}};
  Duration first_token = std::chrono::milliseconds(200);
  Duration per_token = std::chrono::milliseconds(20);
  uint32_t output_tokens = 40;  // of a usual reply, before max_tokens cuts it
  ErrorMix errors;
  Duration batch_duration = std::chrono::seconds(5);
  Duration cache_ttl = std::chrono::minutes(5);  // of prompt prefixes; the vendor's. And of those marked 1h:
  Duration cache_ttl_long = std::chrono::hours(1);
  size_t stored_bytes_max = 256 * kMiB;  // batches and files in memory together
};

}  // namespace baton::sim
