// Delivering: a Reply onto an Exchange, piece by piece in its time.
// Thread: the exchange's loop. Bounds: kWriteBytes are gathered before a write; nothing is made while the client does
// not read.
#pragma once

#include "edge/exchange.h"
#include "runtime/task.h"
#include "sim/request.h"

namespace baton::sim {

inline constexpr size_t kWriteBytes = 16 * kKiB;
// How long a connection is left open after a fault that ends in silence.
inline constexpr Duration kStallMax = std::chrono::hours(1);
// Before a reset, so that what was sent in front of it can be read.
inline constexpr Duration kResetPause = std::chrono::milliseconds(5);
inline constexpr Duration kCloseLinger = std::chrono::seconds(1);

// How it ended.
enum class End : uint8_t {
  kWhole,   // the reply reached its proper end
  kFaulty,  // the HTTP message did, but not what it says: a fault was asked for
  kBroken,  // the client left, or a fault cut it: the connection must end in a reset
};
// Borrows both until it returns.
runtime::Task<End> deliver(edge::Exchange& exchange, Reply& reply);

}  // namespace baton::sim
