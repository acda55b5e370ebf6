// Usage: the tokens of one Message as the vendor states them. Total prompt = input + cache_creation + cache_read.
// Source: Messages API, usage object (read 2026-11).
#pragma once

#include <cstdint>

namespace baton::model {

// At which of its rates the vendor metered a Message.
enum class ServiceTier : uint8_t { kStandard, kPriority, kBatch };

struct Usage {
  bool known = false;  // the vendor stated something
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cache_creation_input_tokens = 0;
  int64_t cache_read_input_tokens = 0;
  int64_t cache_creation_5m_input_tokens = 0;
  int64_t cache_creation_1h_input_tokens = 0;
  int64_t thinking_tokens = 0;
  int64_t web_search_requests = 0;
  int64_t web_fetch_requests = 0;
  ServiceTier tier = ServiceTier::kStandard;
  bool fast = false;  // speed: fast
  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace baton::model
