// fill(): a reply's bytes from the upstream into a Sink that has readers of its own, as they come. The sink says when
// there is room for more; while there is none the upstream is not read, and its window closes. Life: per reply.
// Thread: one loop. Bounds: FillLimits; one read beyond what the sink has room for.
#pragma once

#include <string_view>

#include "net/body_reader.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "stream/event_follower.h"
#include "stream/pump.h"

namespace baton::stream {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual bool has_room() = 0;
  // Notified when there may be room again.
  virtual runtime::Slot& room() = 0;
  // `may_speak`: an event of one's own may stand behind these bytes.
  virtual void take(std::string_view bytes, bool may_speak) = 0;
};

struct FillParts {
  runtime::Loop& loop;
  runtime::ByteStream& upstream;
  net::BodyReader& body;
  runtime::Cancellation& cancel;
  Sink& sink;
  EventFollower* follower = nullptr;  // as in PumpParts
};

struct FillLimits {
  Duration idle{0};  // silence of the upstream
  Instant until{};   // the end of the whole call
};

// Moves everything from where body stands to its end; kClientGone: cancelled for another reason than a drain.
runtime::Task<PumpEnd> fill(const FillParts& parts, const FillLimits& limits);

// Whether an event of one's own may stand behind what this follower has let pass.
bool may_speak_behind(const EventFollower* follower);

}  // namespace baton::stream
