#include "stream/fill.h"

#include <algorithm>

#include "runtime/wait.h"

namespace baton::stream {

using runtime::Task;
using Status = net::BodyReader::Status;

namespace {
constexpr int kReadsPerTurn = 16;
// As in pump(): the upstream's message should end with its last event; this long it may take.
constexpr Duration kAfterStop = std::chrono::seconds(5);

bool is_over(const EventFollower* follower) {
  return follower != nullptr && (follower->facts().message_stop || follower->facts().error_event);
}
}  // namespace

bool may_speak_behind(const EventFollower* follower) {
  return follower != nullptr && follower->may_speak() && follower->facts().message_start && !is_over(follower);
}

Task<PumpEnd> fill(const FillParts& parts, const FillLimits& limits) {
  runtime::Loop& loop = parts.loop;
  EventFollower* follower = parts.follower;
  Instant heard = loop.now();
  Instant stopped = is_over(follower) ? loop.now() : runtime::kNever;
  int reads = 0;
  while (!parts.body.done()) {
    const bool room = parts.sink.has_room();
    Instant until = limits.until;
    if (room) {
      until = std::min(until, heard + limits.idle);
      if (stopped != runtime::kNever) until = std::min(until, stopped + kAfterStop);
    }
    auto ready = co_await runtime::wait(loop, {.read = room ? &parts.upstream : nullptr,
                                               .cancel = &parts.cancel,
                                               .until = until,
                                               .slot = room ? nullptr : &parts.sink.room()});
    if (ready & runtime::kCancelled)
      co_return parts.cancel.reason() == runtime::CancelReason::kDrain ? PumpEnd::kDrained : PumpEnd::kClientGone;
    if (!room) heard = loop.now();  // it was we who did not listen
    if (ready & runtime::kReadable) {
      auto got = parts.body.try_read(parts.upstream, net::read_scratch());
      if (got.status == Status::kBlocked) continue;
      if (got.status == Status::kTruncated || got.status == Status::kReset || got.status == Status::kMalformed)
        co_return is_over(follower) ? PumpEnd::kEnded : PumpEnd::kCut;
      heard = loop.now();
      std::string_view forward = follower != nullptr ? follower->feed(got.data) : got.data;
      if (!forward.empty()) parts.sink.take(forward, may_speak_behind(follower));
      if (follower != nullptr) {
        follower->settle();
        if (is_over(follower) && stopped == runtime::kNever) stopped = loop.now();
        if (stopped != runtime::kNever && loop.now() >= stopped + kAfterStop) break;
      }
      if (!parts.body.done() && ++reads % kReadsPerTurn == 0) co_await runtime::yield(loop);
      continue;
    }
    if (!(ready & runtime::kTimedOut)) continue;
    const Instant now = loop.now();
    if (now >= limits.until) co_return PumpEnd::kDeadline;
    if (room && stopped != runtime::kNever && now >= stopped + kAfterStop) break;
    if (room && now >= heard + limits.idle) co_return PumpEnd::kIdle;
  }
  co_return PumpEnd::kEnded;
}

}  // namespace baton::stream
