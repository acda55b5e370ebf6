// Reply: what the suite's client got, as it came. Life: a value. Thread: any. Bounds: kReplyBytesMax of content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/units.h"
#include "conformance/script.h"

namespace baton::conformance {

enum class End : uint8_t {
  kNoConnection,
  kComplete,   // the message ended as its framing says
  kCut,        // the connection ended in order, the message had not
  kReset,      // the connection broke
  kMalformed,  // what came is no HTTP/1.1 message
  kTimeout,    // nothing more came within the limit
  kLeft,       // the client went, as it was told to
};

struct Reply {
  End end = End::kNoConnection;
  int status = 0;  // 0: no head came
  Fields fields;
  std::string body;
  uint64_t body_bytes = 0;  // all of it
  std::string problem;      // why there was no connection
  Duration head_after{0};   // since the call began
  Duration ended_after{0};

  // All values of a field, any case.
  std::vector<std::string_view> all(std::string_view name) const;
  // The first, or empty.
  std::string_view one(std::string_view name) const;
};

std::vector<std::string_view> values_of(const Fields& fields, std::string_view name);

// One line: "429 with 120 bytes, complete: {…".
std::string describe(const Reply& reply);

}  // namespace baton::conformance
