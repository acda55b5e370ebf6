// What a request asks of the mock.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace baton::load {

struct Plan {
  enum class Kind : uint8_t { kReply, kDigest, kStream };
  Kind kind = Kind::kReply;
  bool hold = false;
  bool stamp = true;
  uint32_t events = 10;
  uint64_t gap_ns = 0;
  size_t body_bytes = 0;  // 0: the usual reply
};

// The words of an `x-bench` value; nothing if one is unknown.
std::optional<Plan> plan_of(std::string_view words);

}  // namespace baton::load
