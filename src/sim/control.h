// Control: what one request asks the simulator to do with its reply, in the request field `baton-sim`, and what an
// error mix drew for it. Grammar: rules separated by ','; a rule is key=value pairs separated by ';'. The first rule
// whose `key` is the caller's credential, or that has no `key`, holds. The keys are listed in README.md. Thread: any;
// pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "runtime/clock.h"
#include "sim/api_error.h"
#include "sim/config.h"

namespace baton::sim {

enum class Fault : uint8_t {
  kNone,
  kReset,         // the connection is reset at byte `at`
  kClose,         // orderly end at byte `at`, without the message's end
  kStall,         // nothing more from byte `at` on
  kSlow,          // from byte `at` on, piece by piece (chunk, gap)
  kErrorEvent,    // an `error` event at the first event border from byte `at` on, then a clean end
  kGarbageChunk,  // bytes at `at` that are no chunk
  kNoStop,        // a clean end without message_stop, at the first event border from byte `at` on
  kEarlyError,    // message_start, ping, an `error` event
  kHalfHead,      // half a reply head, then a reset
};
enum class SseFraming : uint8_t { kLf, kCrlf, kCr, kNoSpace, kComments };
enum class ReplyCoding : uint8_t { kIdentity, kGzip, kBrotli, kZstd };
enum class ReplyKind : uint8_t { kUsual, kText, kToolUse, kRefusal, kPauseTurn };

struct Control {
  int status = 0;  // answer with this error
  int retry_after_s = -1;
  std::string error_code;
  Fault fault = Fault::kNone;
  std::optional<uint64_t> at;
  Duration delay{0};  // before the head
  std::optional<Duration> first_token;
  std::optional<Duration> per_token;
  std::optional<uint32_t> tokens;
  SseFraming framing = SseFraming::kLf;
  ReplyCoding coding = ReplyCoding::kIdentity;
  size_t chunk = 0;  // bytes a write, 0: as they come
  Duration gap{0};   // between such writes
  ReplyKind reply = ReplyKind::kUsual;

  // Whether the reply's bytes leave as they are made.
  bool plain() const {
    return fault == Fault::kNone && framing == SseFraming::kLf && coding == ReplyCoding::kIdentity && chunk == 0;
  }
};

// 400 with a sentence for an unknown key or a bad value: a test that asks for a fault must get it.
Answered<Control> read_control(std::string_view header, std::string_view credential);
// Adds what the mix draws, when the request itself asks for nothing.
void draw_errors(const ErrorMix& mix, runtime::Random& random, Control& control);

}  // namespace baton::sim
