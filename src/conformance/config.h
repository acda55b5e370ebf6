// Bounds of a conformance run.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace baton::conformance {

struct Config {
  Duration answer_limit = std::chrono::seconds(30);      // one call, from its first byte to its end
  Duration held_back_max = std::chrono::seconds(2);      // an event that takes longer to the client was held back
  Duration left_max = std::chrono::seconds(1);           // from a client's leaving to the end of the upstream's call
  Duration models_max = std::chrono::seconds(3);         // what Claude Code waits for a list of models
  Duration settle_limit = std::chrono::seconds(75);      // a gateway gets over the errors it was shown
  Duration silence = std::chrono::milliseconds(16'500);  // of the upstream, in the slow row
  size_t endless_line_bytes = 16 * kMiB;
  size_t aborts = 40;  // clients that leave one after the other
  size_t sessions = 24;
};

inline constexpr size_t kReplyBytesMax = 64 * kMiB;    // kept of a reply; the rest is counted
inline constexpr size_t kRequestBytesMax = 64 * kMiB;  // of a request at the upstream
inline constexpr size_t kArrivalsMax = 64;             // remembered for one call of the client's
inline constexpr size_t kConnectionsMax = 1024;        // of the gateway to the upstream
inline constexpr size_t kShownBytesMax = 160;          // of what was expected or seen, in a report

}  // namespace baton::conformance
