#include "relay/fly.h"

#include <algorithm>
#include <exception>
#include <string>

#include "relay/attempt.h"
#include "relay/attend.h"
#include "relay/deliver.h"
#include "relay/kept.h"
#include "relay/resume.h"
#include "relay/seal.h"
#include "relay/turn.h"
#include "reuse/flights.h"
#include "reuse/resumable.h"
#include "runtime/wait.h"
#include "stream/event_ids.h"
#include "stream/fill.h"

namespace baton::relay {

using model::Ending;
using reuse::Flight;
using runtime::Task;
using Phase = Flight::Phase;

namespace {

// What came of the call that the maker makes, beyond what is in the flight.
struct Made {
  bool ended = false;              // nothing comes into the flight from here any more, or it has begun
  std::optional<Error> error;      // there is no reply
  AnswerPtr unshared;              // for the maker's own client only
  std::optional<KeptAnswer> kept;  // another relay has made the call
  bool nothing = false;            // another relay makes it, and nobody waits here
  std::shared_ptr<reuse::Resumable> resumable = {};
};

Error no_memory() { return {ErrorCode::kInternal, Fault::kUs, Retry::kNever, {}}; }

std::string own_fields(const Call& call) {
  std::string fields = "baton-request-id: ";
  fields.append(call.request_id()).append("\r\n");
  if (call.outcome.attempts.size() > 1)
    fields.append("baton-attempts: ").append(std::to_string(call.outcome.attempts.size())).append("\r\n");
  append_cache_fields(fields, call);
  return fields;
}

// Puts what comes into the flight, with numbers where the client may come back, and on record where it is to be kept.
class FlightSink final : public stream::Sink {
 public:
  FlightSink(reuse::Helm& helm, SealingTee& tee, reuse::Resumable* resumable)
      : helm_(helm), tee_(tee), resumable_(resumable) {}
  bool has_room() override { return helm_.has_room(); }
  runtime::Slot& room() override { return helm_.slot; }
  void take(std::string_view bytes, bool may_speak) override {
    tee_.take(bytes);
    pass(bytes, may_speak);
  }
  // What is on record already, or is not to be.
  void pass(std::string_view bytes, bool may_speak) {
    if (resumable_ == nullptr) return helm_.append(bytes, may_speak);
    const uint64_t at = helm_.flight().end();
    const std::string_view numbered = ids_.add(bytes);
    for (const auto& start : ids_.starts()) resumable_->note(start.id, at + start.at);
    helm_.append(numbered, may_speak);
  }

 private:
  reuse::Helm& helm_;
  SealingTee& tee_;
  reuse::Resumable* resumable_;
  stream::EventIds ids_;
};

// Whether this answer is everybody's: a good one, or a refusal that the same question meets again.
bool is_for_all(const Call& call, const Answer& answer) {
  if (answer.status == 200) return call.outcome.attempts[answer.attempt].result != model::AttemptResult::kEarlyError;
  return answer.whole && (answer.status == 400 || answer.status == 404 || answer.status == 413 || answer.status == 422);
}

// Reads the rest of a live answer into the flight. What it ends with.
Task<Flight::Ending> read_rest(const Parts& parts, Call& call, Answer& answer, reuse::Helm& helm, FlightSink& sink,
                               Recording& recording) {
  const stream::FillParts moving{.loop = parts.loop,
                                 .upstream = answer.reply.connection->stream(),
                                 .body = answer.reply.body,
                                 .cancel = helm.cancel,
                                 .sink = sink,
                                 .follower = answer.follower.get()};
  const auto end = co_await stream::fill(moving, {.idle = parts.upstream.idle_read_timeout, .until = call.until});
  const bool clean = end == stream::PumpEnd::kEnded && answer.reply.body.done();
  answer.reply.finish(*answer.way.connections, clean);
  Flight::Ending ending;
  if (answer.follower) ending.events = answer.follower->events();
  const bool stream_whole = !answer.follower || answer.follower->unreadable() ||
                            answer.follower->facts().message_stop || answer.follower->facts().error_event;
  if (end == stream::PumpEnd::kEnded && stream_whole) {
    if (clean && answer.follower && answer.follower->rest().empty())
      recording.keep(call, answer.follower->facts(), call.outcome.upstream_request_id);
    if (answer.follower && !answer.follower->rest().empty()) sink.pass(answer.follower->rest(), false);
    ending.stream_error = answer.follower && answer.follower->facts().error_event;
    co_return ending;
  }
  ending.failure = error_of(end == stream::PumpEnd::kEnded ? stream::PumpEnd::kCut : end);
  co_return ending;
}

Task<void> fill_flight(const Parts& parts, Call& call, AnswerPtr owned, reuse::Helm& helm, Made& made) {
  Answer& answer = *owned;
  model::Attempt& attempt = call.outcome.attempts[answer.attempt];
  call.outcome.upstream_request_id = answer.upstream_request_id;
  keep_message(parts, call, answer);
  Recording recording(parts, call, answer);
  const bool done = answer.whole || (answer.reply.body.done() && !answer.follower);
  if (call.resumable && answer.follower) {
    made.resumable = parts.resumables->make(helm.flight().shared_from_this(), call.caller.name);
    made.resumable ? parts.resumables_of_loop->watch(made.resumable) : parts.metrics.resumable_refused();
  }
  SealingTee sealing(parts, call, answer.follower.get(), answer.attempt, recording.tee());
  FlightSink sink(helm, sealing, made.resumable.get());
  const bool whole_stream = answer.follower && answer.follower->facts().message_stop;
  if (whole_stream) book_stream(call, answer, attempt);
  if (done || whole_stream) seal(parts, call, answer.status);
  helm.begin({.status = answer.status,
              .fields = std::move(answer.fields),
              .length = answer.follower ? -1 : answer.length,
              .event_stream = answer.event_stream,
              .upstream_request_id = std::move(answer.upstream_request_id)});
  made.ended = true;
  sink.pass(answer.first_content(), stream::may_speak_behind(answer.follower.get()));
  call.exchange.release_request();
  std::string().swap(answer.content);
  answer.reply.release_head();
  Flight::Ending ending;
  if (done) {
    answer.reply.finish(*answer.way.connections, true);
  } else {
    ending = co_await read_rest(parts, call, answer, helm, sink, recording);
  }
  book_stream(call, answer, attempt);
  call.outcome.usage = attempt.usage;
  settle(parts, call, answer, !ending.failure && !ending.stream_error);
  if (answer.follower) attempt.total = parts.loop.clock().now() - call.exchange.complete();
  ending.model = call.outcome.model;
  if (!ending.failure && !attempt.usage_partial) ending.usage = attempt.usage;
  helm.end(std::move(ending));
}

// Makes the call. Whatever happens, the flight has come to an end or is vacant afterwards.
Task<void> make_call(const Parts& parts, Call& call, reuse::Helm& helm, reuse::Seat& seat, Made& made) {
  metrics::Held flight = parts.metrics.flight();
  std::optional<Error> failure;
  try {
    TurnTaken turn;
    if (!call.resumable) turn = co_await take_turn(parts, call, helm.cancel);
    if (turn.reply != nullptr) made.kept = open_kept(parts, call, std::move(turn.reply));
    if (made.kept) call.outcome.cache = turn.waited ? model::CacheUse::kCoalesced : model::CacheUse::kHit;
    made.nothing = turn.other_refreshes;
    if (made.kept || made.nothing) {
      // It is in memory now: who waits here finds it there.
      helm.part();
      made.ended = true;
      seat.slot.notify();
      co_return;
    }
    auto answer = co_await attempt_all(parts, call);
    if (!answer) {
      made.error = failure = answer.error();
    } else if ((*answer)->coding != http::Coding::kIdentity) {
      made.unshared = std::move(*answer);
      helm.part();
    } else if (is_for_all(call, **answer) || ((*answer)->whole && !helm.may_vacate())) {
      co_await fill_flight(parts, call, std::move(*answer), helm, made);
    } else {
      made.unshared = std::move(*answer);
      failure = Error{ErrorCode::kBadReply, Fault::kUpstream, Retry::kLater,
                      "The upstream answered the call that this one waited for with an error."};
    }
  } catch (const std::exception&) {
    made.error = failure = no_memory();
  }
  if (failure) {
    const bool drained = helm.cancel.reason() == runtime::CancelReason::kDrain;
    if (drained || call.resumable || !helm.vacate()) helm.end({.failure = *failure});
  }
  made.ended = true;
  seat.slot.notify();
}

// The maker's own client is served from the flight, like everyone; the call goes on while anyone reads.
Task<Expected<bool>> make(const Parts& parts, Call& call, reuse::Seat& seat, std::shared_ptr<Flight> flight) {
  reuse::Helm helm(std::move(flight), parts.loop);
  edge::Exchange& exchange = call.exchange;
  Made made;
  call.outlives = &helm.cancel;
  runtime::TaskGroup work;
  work.spawn(make_call(parts, call, helm, seat, made));
  std::optional<Error> trouble;
  try {
    auto phase = co_await wait_for_reply(parts, call, seat, runtime::kNever, &made.ended);
    if (!phase) {
      trouble = phase.error();
    } else if (!made.error && !made.unshared && !made.kept && !made.nothing) {
      std::string fields = own_fields(call);
      if (made.resumable) fields.append("baton-resume: /baton/streams/").append(made.resumable->token()).append("\r\n");
      const bool sent = co_await attend(parts, call, seat, fields);
      if (!sent) trouble = Error{ErrorCode::kOverloaded, Fault::kUs, Retry::kLater, "The reply passed too quickly."};
    }
  } catch (const std::exception&) {
    trouble = no_memory();
  }
  seat.leave();
  // Whoever is cut off should learn it now, not when the others have read to the end.
  if (work.size() > 0 && call.outcome.ending != Ending::kComplete && exchange.replied() &&
      !exchange.writer().finished())
    exchange.stream().close(/*reset=*/true);
  bool cut = false;
  while (work.size() > 0) {
    auto ready =
        co_await runtime::wait(parts.loop, {.cancel = cut ? nullptr : &exchange.cut_off(), .slot = &work.empty});
    if ((ready & runtime::kCancelled) == 0) continue;
    cut = true;
    helm.cancel.cancel(runtime::CancelReason::kDrain);
  }
  call.outlives = nullptr;
  if (trouble) co_return std::unexpected(*trouble);
  if (made.error) co_return std::unexpected(*made.error);
  if (made.nothing) co_return (co_await call.exchange.reply(204, {}, {})).has_value();
  if (made.kept) co_return (co_await deliver_kept(parts, call, std::move(*made.kept))).has_value();
  if (made.unshared && call.spare != nullptr && co_await deliver_spare_for(parts, call, *made.unshared)) co_return true;
  if (made.unshared) co_await deliver(parts, call, *made.unshared);
  co_return true;
}

// What the maker was given by another relay; false: nothing.
Task<bool> read_shared(const Parts& parts, Call& call) {
  auto reply = find_fresh(parts, *call.keep_as);
  if (reply == nullptr || !fits(parts, call, *reply)) co_return false;
  auto answer = open_kept(parts, call, std::move(reply));
  if (!answer) co_return false;
  call.outcome.cache = model::CacheUse::kCoalesced;
  co_return (co_await deliver_kept(parts, call, std::move(*answer))).has_value();
}

Task<Expected<bool>> read_along(const Parts& parts, Call& call, reuse::Seat& seat, std::shared_ptr<Flight> flight) {
  metrics::Held reading = parts.metrics.flight_reader();
  Instant until = call.until;
  if (call.patience) until = std::min(until, call.exchange.started() + *call.patience);
  while (true) {
    auto phase = co_await wait_for_reply(parts, call, seat, until, nullptr);
    if (!phase) co_return std::unexpected(phase.error());
    switch (*phase) {
      case Phase::kOpening: break;
      case Phase::kVacant:
        if (!seat.claim()) break;
        reading.release();
        parts.metrics.flight_promoted();
        co_return co_await make(parts, call, seat, std::move(flight));
      case Phase::kFailed:
        call.outcome.cache = model::CacheUse::kCoalesced;
        co_return std::unexpected(*flight->ending().failure);
      case Phase::kAlone:
        if (parts.shared != nullptr && co_await read_shared(parts, call)) co_return true;
        co_return false;
      case Phase::kGone: co_return false;
      case Phase::kFlowing:
      case Phase::kEnded:
        call.outcome.cache = model::CacheUse::kCoalesced;
        if (co_await attend(parts, call, seat, own_fields(call))) co_return true;
        call.outcome.cache = model::CacheUse::kMiss;
        co_return false;
    }
  }
}

}  // namespace

Task<Expected<bool>> fly(const Parts& parts, Call& call) {
  if (call.route.operation != model::Operation::kMessages) co_return false;
  if (call.facts.stream && parts.resumables != nullptr && parts.flights != nullptr) {
    auto wanted = wants_resume(call.exchange.head());
    if (!wanted) co_return std::unexpected(wanted.error());
    call.resumable = *wanted && parts.resumables->config().grace > Duration{0};
  }
  if (call.resumable) {
    // Its bytes carry numbers: it is nobody else's.
    auto own = parts.flights->unlisted();
    reuse::Seat seat(own, parts.loop);
    co_return co_await make(parts, call, seat, std::move(own));
  }
  if (parts.flights == nullptr || !parts.flights->enabled() || !call.keep_as) co_return false;
  const bool stream = call.facts.stream;
  auto place = parts.flights->join(*call.keep_as, {.stream = stream, .may_read = call.may_join});
  if (place.flight == nullptr) co_return false;
  reuse::Seat seat(place.flight, parts.loop);
  if (call.refreshes && place.role == reuse::Flights::Role::kReader) {
    // Somebody else is at it.
    auto sent = co_await call.exchange.reply(204, {}, {});
    co_return sent.has_value();
  }
  auto flown = place.role == reuse::Flights::Role::kMaker ? co_await make(parts, call, seat, place.flight)
                                                          : co_await read_along(parts, call, seat, place.flight);
  seat.leave();
  if (place.flight->phase() >= Phase::kEnded) parts.flights->remove(*call.keep_as, stream, *place.flight);
  co_return flown;
}

}  // namespace baton::relay
