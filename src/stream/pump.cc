#include "stream/pump.h"

#include <algorithm>

#include "runtime/wait.h"

namespace baton::stream {

using runtime::Task;
using Status = net::BodyReader::Status;

namespace {
// After so many reads in a row others get their turn.
constexpr int kReadsPerTurn = 16;
// The upstream's message should end with its last event; this long it may take.
constexpr Duration kAfterStop = std::chrono::seconds(5);

PumpEnd cancelled_end(const runtime::Cancellation& cancel) {
  return cancel.reason() == runtime::CancelReason::kDrain ? PumpEnd::kDrained : PumpEnd::kClientGone;
}
}  // namespace

Task<PumpResult> pump(const PumpParts& parts, const PumpLimits& limits) {
  runtime::Loop& loop = parts.loop;
  PumpResult result;
  Instant heard = loop.now();  // from the upstream
  Instant spoke = loop.now();  // to the client
  Instant taken = loop.now();  // by the client
  // The last event was seen: nothing is waited for but the message's end, and that it is missing harms nobody.
  auto over = [&] {
    return parts.follower != nullptr && (parts.follower->facts().message_stop || parts.follower->facts().error_event);
  };
  Instant stopped = over() ? loop.now() : runtime::kNever;
  bool ended = parts.body.done();
  int reads = 0;
  while (!ended || parts.writer.pending() > 0) {
    // What a read may give must fit as well.
    const bool wants_read = !ended && (parts.writer.pending() == 0 ||
                                       parts.writer.pending() + net::read_scratch().size() <= limits.buffer_bytes_max);
    const bool wants_write = parts.writer.pending() > 0;
    Instant until = limits.until;
    if (wants_write) until = std::min(until, taken + limits.write_stall);
    const bool may_ping = wants_read && !wants_write && limits.ping_after.count() > 0 && parts.follower != nullptr &&
                          parts.follower->facts().message_start && !over() && parts.follower->may_speak();
    if (wants_read) {
      until = std::min(until, heard + limits.idle);
      if (may_ping) until = std::min(until, spoke + limits.ping_after);
      if (stopped != runtime::kNever) until = std::min(until, stopped + kAfterStop);
    }
    auto ready = co_await runtime::wait(loop, {.read = wants_read ? &parts.upstream : nullptr,
                                               .write = wants_write ? &parts.client : nullptr,
                                               .cancel = &parts.cancel,
                                               .until = until});
    if (ready & runtime::kCancelled) {
      result.end = cancelled_end(parts.cancel);
      co_return result;
    }
    if (ready & runtime::kWritable) {
      size_t before = parts.writer.pending();
      if (!parts.writer.flush()) {
        result.end = PumpEnd::kClientGone;
        co_return result;
      }
      if (parts.writer.pending() < before) taken = loop.now();
      if (!wants_read) heard = loop.now();  // it was we who did not listen
    }
    if (ready & runtime::kReadable) {
      auto got = parts.body.try_read(parts.upstream, net::read_scratch());
      if (got.status == Status::kBlocked) continue;
      if (got.status == Status::kTruncated || got.status == Status::kReset || got.status == Status::kMalformed) {
        if (!over()) result.end = PumpEnd::kCut;
        co_return result;
      }
      heard = loop.now();
      ended = got.status == Status::kEnd;
      std::string_view forward = parts.follower != nullptr ? parts.follower->feed(got.data) : got.data;
      if (!forward.empty()) {
        if (parts.tee != nullptr) parts.tee->take(forward);
        if (parts.writer.pending() == 0) taken = loop.now();
        spoke = loop.now();
        if (!parts.writer.write({}, forward, /*last=*/false)) {
          result.end = PumpEnd::kClientGone;
          co_return result;
        }
      }
      if (parts.follower != nullptr) {
        parts.follower->settle();
        if (over() && stopped == runtime::kNever) stopped = loop.now();
        // Nor for who goes on talking.
        if (stopped != runtime::kNever && loop.now() >= stopped + kAfterStop) break;
      }
      if (!ended && ++reads % kReadsPerTurn == 0) co_await runtime::yield(loop);
      continue;
    }
    if (!(ready & runtime::kTimedOut)) continue;
    const Instant now = loop.now();
    if (now >= limits.until) {
      result.end = PumpEnd::kDeadline;
      co_return result;
    }
    if (wants_write && now >= taken + limits.write_stall) {
      result.end = PumpEnd::kClientGone;
      co_return result;
    }
    if (wants_read && stopped != runtime::kNever && now >= stopped + kAfterStop) break;
    if (wants_read && now >= heard + limits.idle) {
      result.end = PumpEnd::kIdle;
      co_return result;
    }
    if (may_ping && now >= spoke + limits.ping_after) {
      spoke = taken = now;
      ++result.pings;
      if (!parts.writer.write({}, limits.ping, /*last=*/false)) {
        result.end = PumpEnd::kClientGone;
        co_return result;
      }
    }
  }
  co_return result;
}

Task<OpeningEnd> hold_opening(const PumpParts& parts, const OpeningLimits& limits, std::string& held) {
  bool begun = limits.begun;
  Instant until = begun ? parts.loop.now() + limits.hold : limits.first_until;
  EventFollower& follower = *parts.follower;
  while (!parts.body.done()) {
    if (follower.opened()) co_return follower.opened_with_error() ? OpeningEnd::kError : OpeningEnd::kOpened;
    if (follower.unreadable() || held.size() > limits.bytes_max) co_return OpeningEnd::kHoldOver;
    auto ready = co_await runtime::wait(parts.loop, {.read = &parts.upstream, .cancel = &parts.cancel, .until = until});
    if (ready & runtime::kCancelled) co_return OpeningEnd::kCancelled;
    if (!(ready & runtime::kReadable)) co_return begun ? OpeningEnd::kHoldOver : OpeningEnd::kSilent;
    auto got = parts.body.try_read(parts.upstream, net::read_scratch());
    if (got.status == Status::kBlocked) continue;
    if (got.status != Status::kMore && got.status != Status::kEnd) co_return OpeningEnd::kCut;
    if (!begun && !got.data.empty()) {
      begun = true;
      until = parts.loop.now() + limits.hold;
    }
    held.append(follower.feed(got.data));
    follower.settle();
  }
  if (follower.opened()) co_return follower.opened_with_error() ? OpeningEnd::kError : OpeningEnd::kOpened;
  co_return follower.unreadable() ? OpeningEnd::kHoldOver : OpeningEnd::kEnded;
}

Task<Expected<void>> hold_whole(const PumpParts& parts, const HoldLimits& limits, std::string& into) {
  int reads = 0;
  while (!parts.body.done()) {
    const bool uncharged = limits.share != nullptr && into.size() > limits.share->held() &&
                           !limits.share->resize(std::min(limits.bytes_max, into.size() * 2));
    if (into.size() > limits.bytes_max || uncharged)
      co_return fail(ErrorCode::kReplyTooLarge, Fault::kUpstream, "The reply is larger than what is held whole.");
    auto ready = co_await runtime::wait(parts.loop, {.read = &parts.upstream,
                                                     .cancel = &parts.cancel,
                                                     .until = std::min(limits.until, parts.loop.now() + limits.idle)});
    if (ready & runtime::kCancelled) co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
    if (!(ready & runtime::kReadable))
      co_return fail(ErrorCode::kTimeout, Fault::kUpstream, "The upstream fell silent in its reply.");
    auto got = parts.body.try_read(parts.upstream, net::read_scratch());
    switch (got.status) {
      case Status::kMore:
      case Status::kEnd: into.append(got.data); break;
      case Status::kBlocked: break;
      case Status::kTruncated:
      case Status::kReset:
        co_return fail(ErrorCode::kReset, Fault::kUpstream, "The upstream broke off in its reply.",
                       Retry::kOtherAccount);
      case Status::kMalformed:
        co_return fail(ErrorCode::kBadReply, Fault::kUpstream, "The upstream's chunked body is malformed.",
                       Retry::kOtherAccount);
    }
    if (++reads % kReadsPerTurn == 0) co_await runtime::yield(parts.loop);
  }
  co_return Expected<void>{};
}

}  // namespace baton::stream
