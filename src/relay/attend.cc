#include "relay/attend.h"

#include <algorithm>

#include "base/recycle.h"
#include "dialect/error_reply.h"
#include "relay/deliver.h"
#include "relay/kept.h"
#include "relay/seal.h"
#include "runtime/wait.h"

namespace baton::relay {

using model::Ending;
using reuse::Flight;
using runtime::Task;
using Phase = Flight::Phase;

namespace {

// After so many pieces in a row others get their turn.
constexpr int kPiecesPerTurn = 16;

Ending ending_of(const Error& failure) {
  if (failure.code == ErrorCode::kTimeout) return Ending::kTimedOut;
  return failure.code == ErrorCode::kCancelled ? Ending::kDrained : Ending::kUpstreamCut;
}

class Reader {
 public:
  Reader(const Parts& parts, Call& call, reuse::Seat& seat)
      : parts_(parts), call_(call), exchange_(call.exchange), seat_(seat), head_(seat.flight().head()) {}

  Task<bool> run(std::string_view fields);

 private:
  // The next thing that happens: bytes to send, or an end.
  Task<void> follow();
  // Waits for the client to take what was written. False: it will not.
  Task<bool> flushed();
  Task<bool> waited(const Flight::Piece& piece);
  Task<void> finish(const Flight::Piece& piece);
  // The reply ends here and is not whole.
  Task<void> cut(const Error& error, Ending ending, bool may_speak);
  void gone();

  const Parts& parts_;
  Call& call_;
  edge::Exchange& exchange_;
  reuse::Seat& seat_;
  const Flight::Head& head_;
  Instant spoke_{};
  bool may_speak_ = false;  // behind what was sent
  int pieces_ = 0;
};

void Reader::gone() {
  call_.outcome.ending = Ending::kClientGone;
  exchange_.abort();
}

Task<void> Reader::cut(const Error& error, Ending ending, bool may_speak) {
  call_.outcome.ending = ending;
  call_.outcome.error = name(error.code);
  exchange_.close_after();
  if (may_speak && head_.event_stream &&
      exchange_.writer().write({}, dialect::error_event(error, call_.request_id()), /*last=*/true)) {
    if (exchange_.writer().pending() > 0 && ending != Ending::kDrained) co_await exchange_.drain(0);
    co_return;
  }
  exchange_.abort();
}

Task<void> Reader::finish(const Flight::Piece& piece) {
  const Flight::Ending& ending = seat_.flight().ending();
  call_.outcome.events = ending.events;
  if (ending.failure) co_return co_await cut(*ending.failure, ending_of(*ending.failure), piece.may_speak);
  // Of who made the call it is booked with the attempt.
  if (call_.outcome.attempts.empty()) {
    if (call_.outcome.model.empty()) call_.outcome.model = ending.model;
    book_reused(parts_, call_, ending.usage);
  }
  if (ending.stream_error) {
    call_.outcome.ending = Ending::kUpstreamCut;
    call_.outcome.error = "stream_error";
  }
  seal(parts_, call_, head_.status);
  if (!exchange_.writer().finished()) exchange_.writer().write({}, {}, /*last=*/true);
  if (exchange_.writer().pending() > 0 && !co_await exchange_.drain(0)) gone();
}

Task<bool> Reader::flushed() {
  net::BodyWriter& writer = exchange_.writer();
  Instant taken = parts_.loop.now();
  while (writer.pending() > 0) {
    auto ready = co_await runtime::wait(parts_.loop, {.write = &exchange_.stream(),
                                                      .cancel = &exchange_.cancel(),
                                                      .until = std::min(call_.until, taken + parts_.write_stall)});
    if (ready & runtime::kCancelled) {
      const bool drained = exchange_.cancel().reason() == runtime::CancelReason::kDrain;
      if (drained) {
        // An error event would wait behind what the client does not take.
        co_await cut(relay::error_of(stream::PumpEnd::kDrained), Ending::kDrained, /*may_speak=*/false);
      } else {
        gone();
      }
      co_return false;
    }
    const size_t before = writer.pending();
    if (!writer.flush() || (writer.pending() == before && (ready & runtime::kTimedOut) != 0)) {
      gone();
      co_return false;
    }
    if (writer.pending() < before) taken = parts_.loop.now();
  }
  co_return true;
}

Task<bool> Reader::waited(const Flight::Piece& piece) {
  const bool may_ping = piece.may_speak && parts_.stream.ping_after.count() > 0 && head_.event_stream;
  Instant until = call_.until;
  if (may_ping) until = std::min(until, spoke_ + parts_.stream.ping_after);
  auto ready =
      co_await runtime::wait(parts_.loop, {.cancel = &exchange_.cancel(), .until = until, .slot = &seat_.slot});
  if (ready & runtime::kCancelled) {
    if (exchange_.cancel().reason() == runtime::CancelReason::kDrain) {
      co_await cut(relay::error_of(stream::PumpEnd::kDrained), Ending::kDrained, piece.may_speak);
    } else {
      gone();
    }
    co_return false;
  }
  if ((ready & runtime::kNotified) != 0 || (ready & runtime::kTimedOut) == 0) co_return true;
  const Instant now = parts_.loop.now();
  if (now >= call_.until) {
    co_await cut(relay::error_of(stream::PumpEnd::kDeadline), Ending::kTimedOut, piece.may_speak);
    co_return false;
  }
  if (may_ping && now >= spoke_ + parts_.stream.ping_after) {
    spoke_ = now;
    ++call_.outcome.pings_sent;
    if (!exchange_.writer().write({}, dialect::kPingEvent, /*last=*/false)) {
      gone();
      co_return false;
    }
  }
  co_return true;
}

Task<void> Reader::follow() {
  while (true) {
    if (exchange_.writer().pending() > 0 && !co_await flushed()) co_return;
    const Flight::Piece piece = seat_.next();
    if (piece.lost) {
      parts_.metrics.flight_lost();
      co_return co_await cut(
          {ErrorCode::kOverloaded, Fault::kUs, Retry::kLater, "This client reads the reply too slowly."},
          Ending::kRefusedByUs, may_speak_);
    }
    may_speak_ = piece.may_speak;
    if (!piece.bytes.empty()) {
      spoke_ = parts_.loop.now();
      if (!exchange_.writer().write({}, piece.bytes, /*last=*/false)) co_return gone();
      if (++pieces_ % kPiecesPerTurn == 0) co_await runtime::yield(parts_.loop);
      continue;
    }
    if (piece.ended) co_return co_await finish(piece);
    if (!co_await waited(piece)) co_return;
  }
}

Task<bool> Reader::run(std::string_view own_fields) {
  const Flight::Piece first = seat_.next();
  if (first.lost) co_return false;
  call_.outcome.upstream_request_id = head_.upstream_request_id;
  std::string fields = take_string();
  fields.append(head_.fields).append(own_fields);
  metrics::Held open;
  if (head_.event_stream) open = parts_.metrics.stream_open();
  const bool last = first.ended && !seat_.flight().ending().failure;
  if (last) seal(parts_, call_, head_.status);
  const bool begun = exchange_.begin(
      {.status = head_.status, .fields = fields, .length = head_.length, .content = first.bytes, .last = last});
  give_string(fields);
  exchange_.release_request();
  if (!begun) {
    gone();
    co_return true;
  }
  spoke_ = parts_.loop.now();
  may_speak_ = first.may_speak;
  call_.outcome.first_byte = parts_.loop.clock().now() - exchange_.complete();
  if (exchange_.writer().pending() > 0 && !co_await flushed()) co_return true;
  if (first.ended) {
    co_await finish(first);
  } else {
    co_await follow();
  }
  co_return true;
}

}  // namespace

Task<Expected<Phase>> wait_for_reply(const Parts& parts, Call& call, reuse::Seat& seat, Instant until,
                                     const bool* over) {
  while (true) {
    const Phase phase = seat.flight().phase();
    if (phase != Phase::kOpening || (over != nullptr && *over)) co_return phase;
    auto ready =
        co_await runtime::wait(parts.loop, {.cancel = &call.exchange.cancel(), .until = until, .slot = &seat.slot});
    if (ready & runtime::kCancelled) co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
    if ((ready & runtime::kTimedOut) != 0 && parts.loop.now() >= until)
      co_return fail(ErrorCode::kTimeout, Fault::kUpstream,
                     "The answer that this call waited for did not come in time.", Retry::kLater);
  }
}

Task<bool> attend(const Parts& parts, Call& call, reuse::Seat& seat, std::string_view fields) {
  Reader reader(parts, call, seat);
  co_return co_await reader.run(fields);
}

}  // namespace baton::relay
