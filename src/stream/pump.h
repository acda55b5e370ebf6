// pump(): a reply's bytes from the upstream to the client, as they come, within a fixed buffer.
// Never read more than the client takes: while Config.buffer_bytes_max waits for the client, the upstream is not read,
// and its window closes. Between events it speaks for itself when the upstream is silent. Life: per reply. Thread: one
// loop. Bounds: PumpLimits.
#pragma once

#include <string_view>

#include "base/byte_budget.h"
#include "base/error.h"
#include "base/units.h"
#include "model/outcome.h"
#include "net/body_reader.h"
#include "net/body_writer.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "stream/config.h"
#include "stream/event_follower.h"

namespace baton::stream {

struct PumpParts {
  runtime::Loop& loop;
  runtime::ByteStream& upstream;
  net::BodyReader& body;
  runtime::ByteStream& client;
  net::BodyWriter& writer;
  runtime::Cancellation& cancel;
  EventFollower* follower = nullptr;  // of an event stream; null: bytes without meaning
};

struct PumpLimits {
  size_t buffer_bytes_max = 256 * kKiB;
  Duration idle{0};         // silence of the upstream
  Duration write_stall{0};  // a client that takes nothing
  Duration ping_after{0};   // 0: never
  std::string_view ping;    // the event to send
  Instant until = {};       // the end of the whole call
};

enum class PumpEnd : uint8_t {
  kEnded,       // the upstream's message came to its end and was handed over; the writer is not finished yet
  kCut,         // the upstream broke off
  kIdle,        // it was silent for too long
  kDeadline,    // the call took too long
  kClientGone,  // or it took nothing for too long
  kDrained,     // a drain ended
};

struct PumpResult {
  PumpEnd end = PumpEnd::kEnded;
  uint64_t pings = 0;
};

// Moves everything from where body stands to its end.
runtime::Task<PumpResult> pump(const PumpParts& parts, const PumpLimits& limits);

enum class OpeningEnd : uint8_t {
  kOpened,
  kError,     // the first event that says something is an error
  kHoldOver,  // enough was waited; or nothing can be read of it
  kEnded,     // the message came to its end and had said nothing
  kSilent,    // not a byte came in time
  kCut,
  kCancelled,
};
struct OpeningLimits {
  Duration hold{0};  // from the first byte on
  size_t bytes_max = 0;
  bool begun = false;     // something came with the head
  Instant first_until{};  // the first byte has to come by then
};
// Reads on while nothing but message_start and pings has come. What came is appended to `held`.
runtime::Task<OpeningEnd> hold_opening(const PumpParts& parts, const OpeningLimits& limits, std::string& held);

struct HoldLimits {
  size_t bytes_max = 0;
  Duration idle{0};
  Instant until = {};
  BudgetShare* share = nullptr;  // grows with what is held; null: not charged
};
// Reads the rest of a body onto `into`. kReset, kBadReply, kTimeout, kCancelled; kReplyTooLarge: `into` holds what was
// read so far, more than the bound or the budget allows, and the rest is still to come.
runtime::Task<Expected<void>> hold_whole(const PumpParts& parts, const HoldLimits& limits, std::string& into);

}  // namespace baton::stream
