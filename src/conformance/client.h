// Client: the suite's own, one call on a connection of its own. It sends bytes as they are and keeps what comes, and
// how it ended. Life: one per run. Thread: one loop. Bounds: Config::answer_limit for a call, kReplyBytesMax of its
// reply.
#pragma once

#include <optional>
#include <string>

#include "conformance/reply.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::conformance {

struct Sending {
  std::string bytes;                          // the whole request
  bool to_head = false;                       // its method is HEAD
  Duration limit{0};                          // from connecting to the reply's end
  runtime::Cancellation* leave = nullptr;     // the client goes when it is cancelled
  std::optional<size_t> leave_at_body_bytes;  // or when it has so much of the reply's content
  runtime::Slot* changed = nullptr;           // notified when more of the reply is there
};

// Fills `reply` as it comes; it is whole when the task ends.
runtime::Task<void> call(runtime::Loop& loop, runtime::Dialer& dialer, Sending sending, Reply& reply);

}  // namespace baton::conformance
