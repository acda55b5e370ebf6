#include "relay/deliver.h"

#include "base/recycle.h"
#include "dialect/error_reply.h"
#include "relay/keep_warm.h"
#include "relay/kept.h"
#include "relay/objects.h"
#include "relay/prompt_ask.h"
#include "relay/seal.h"
#include "stream/pump.h"

namespace baton::relay {

using model::Ending;
using runtime::Task;
using stream::PumpEnd;

Ending ending_of(PumpEnd end) {
  switch (end) {
    case PumpEnd::kEnded: return Ending::kComplete;
    case PumpEnd::kCut: return Ending::kUpstreamCut;
    case PumpEnd::kIdle:
    case PumpEnd::kDeadline: return Ending::kTimedOut;
    case PumpEnd::kClientGone: return Ending::kClientGone;
    case PumpEnd::kDrained: return Ending::kDrained;
  }
  return Ending::kUpstreamCut;
}

Error error_of(PumpEnd end) {
  switch (end) {
    case PumpEnd::kIdle:
      return {ErrorCode::kTimeout, Fault::kUpstream, Retry::kLater,
              "The upstream fell silent in the middle of its reply."};
    case PumpEnd::kDeadline:
      return {ErrorCode::kTimeout, Fault::kUpstream, Retry::kLater, "The call took longer than the relay allows."};
    case PumpEnd::kDrained:
      return {ErrorCode::kCancelled, Fault::kUs, Retry::kLater,
              "The relay is shutting down and could not wait for this reply to end."};
    default:
      return {ErrorCode::kReset, Fault::kUpstream, Retry::kLater, "The upstream broke off in the middle of its reply."};
  }
}

void book_stream(Call& call, const Answer& answer, model::Attempt&) {
  if (answer.follower) book_stream(call, *answer.follower, answer.attempt);
}

namespace {

// Moves the rest of a live answer and ends the reply as its end deserves.
Task<void> finish_live(const Parts& parts, Call& call, Answer& answer, Recording& recording) {
  edge::Exchange& exchange = call.exchange;
  net::BodyWriter& writer = exchange.writer();
  SealingTee sealing(parts, call, answer.follower.get(), answer.attempt, recording.tee());
  const stream::PumpParts moving{.loop = parts.loop,
                                 .upstream = answer.reply.connection->stream(),
                                 .body = answer.reply.body,
                                 .client = exchange.stream(),
                                 .writer = writer,
                                 .cancel = exchange.cancel(),
                                 .follower = answer.follower.get(),
                                 .tee = &sealing};
  const stream::PumpLimits limits{.buffer_bytes_max = parts.stream.buffer_bytes_max,
                                  .idle = parts.upstream.idle_read_timeout,
                                  .write_stall = parts.write_stall,
                                  .ping_after = parts.stream.ping_after,
                                  .ping = dialect::kPingEvent,
                                  .until = call.until};
  auto result = co_await stream::pump(moving, limits);
  call.outcome.pings_sent = result.pings;
  call.outcome.ending = ending_of(result.end);
  const bool stream_whole = !answer.follower || answer.follower->encoded() || answer.follower->unreadable() ||
                            answer.follower->facts().message_stop || answer.follower->facts().error_event;
  const bool clean = result.end == PumpEnd::kEnded && answer.reply.body.done();
  answer.reply.finish(*answer.way.connections, clean);
  if (clean && answer.follower && answer.follower->rest().empty())
    recording.keep(call, answer.follower->facts(), call.outcome.upstream_request_id);
  if (result.end == PumpEnd::kEnded && stream_whole) {
    if (answer.follower && answer.follower->facts().error_event) {
      call.outcome.ending = Ending::kUpstreamCut;
      call.outcome.error = "stream_error";
    }
    if (answer.follower) book_stream(call, *answer.follower, answer.attempt);
    seal(parts, call, answer.status);
    writer.write({}, answer.follower ? answer.follower->rest() : std::string_view{}, /*last=*/true);
    if (writer.pending() > 0) co_await exchange.drain(0);
    co_return;
  }
  if (result.end == PumpEnd::kClientGone) co_return exchange.abort();
  // The reply is cut: it ends in an error event where one may stand, else in a reset, never cleanly.
  Error error = error_of(result.end);
  if (result.end == PumpEnd::kEnded) call.outcome.ending = Ending::kUpstreamCut;
  call.outcome.error = name(error.code);
  exchange.close_after();
  if (answer.follower && answer.event_stream && answer.follower->may_speak() &&
      writer.write({}, dialect::error_event(error, call.request_id()), /*last=*/true)) {
    if (writer.pending() > 0 && result.end != PumpEnd::kDrained) co_await exchange.drain(0);
    co_return;
  }
  exchange.abort();
}

}  // namespace

// Of a reply that was cut that is not known: what it had reserved stays taken. What was read of a prompt cache is known
// either way.
void settle(const Parts& parts, Call& call, Answer& answer, bool complete) {
  const model::Usage& usage = call.outcome.attempts[answer.attempt].usage;
  if (!usage.known || !answer.lease || call.passthrough || call.route.operation != model::Operation::kMessages) return;
  if (const auto ask = prompt_ask(parts.accounts, call); ask.prompt != nullptr) {
    const accounts::PromptGain gain = parts.accounts.prompt_used(*answer.lease, ask, usage);
    parts.metrics.affinity_tokens(answer.lease->outlook().matched, usage.cache_read_input_tokens);
    call.outcome.affinity_saved_tokens = gain.saved_tokens;
    call.outcome.affinity_lost_tokens = gain.lost_tokens;
  }
  if (parts.keep_warm != nullptr) parts.keep_warm->answered(call, answer, usage);
  if (!complete) return;
  const accounts::Need used{static_cast<double>(usage.input_tokens + usage.cache_creation_input_tokens),
                            static_cast<double>(usage.output_tokens)};
  answer.lease->settle(used, parts.loop.now());
  parts.accounts.forecast().learn(call.caller.name, accounts::limit_class(call.route.operation, call.facts.model),
                                  call.outcome.request_body_bytes, used);
}

Task<void> deliver(const Parts& parts, Call& call, Answer& answer) {
  edge::Exchange& exchange = call.exchange;
  model::Attempt& attempt = call.outcome.attempts[answer.attempt];
  if (answer.whole) take_in_object(parts, call, answer);
  answer.fields.append("baton-request-id: ").append(call.request_id()).append("\r\n");
  if (call.outcome.attempts.size() > 1) {
    answer.fields.append("baton-attempts: ").append(std::to_string(call.outcome.attempts.size())).append("\r\n");
  }
  if (!answer.fallback_model.empty()) {
    answer.fields.append("baton-model-fallback: ").append(answer.fallback_model).append("\r\n");
    call.outcome.model = answer.fallback_model;
    call.keep_as.reset();  // another model's answer is not the answer to this question
  }
  append_cache_fields(answer.fields, call);
  call.outcome.upstream_request_id = std::move(answer.upstream_request_id);
  keep_message(parts, call, answer);
  Recording recording(parts, call, answer);
  const bool done = answer.whole || (answer.reply.body.done() && !answer.follower);
  const bool bodiless = exchange.head().method == http::Method::kHead;
  metrics::Held open;
  if (answer.event_stream) open = parts.metrics.stream_open();
  const bool whole_stream = answer.follower && answer.follower->facts().message_stop;
  if (whole_stream) book_stream(call, *answer.follower, answer.attempt);
  if (done || bodiless || whole_stream) seal(parts, call, answer.status);
  if (!exchange.begin({.status = answer.status,
                       .fields = answer.fields,
                       .length = answer.follower ? -1 : answer.length,
                       .content = answer.first_content(),
                       .last = done || bodiless})) {
    call.outcome.ending = Ending::kClientGone;
    exchange.abort();
  } else {
    const Instant left = parts.loop.clock().now();
    call.outcome.first_byte = left - exchange.complete();
    if (parts.keep_warm != nullptr && answer.status == 200) parts.keep_warm->hold(call);
    // Nothing of the request is needed any more, nor what has been sent of the answer.
    exchange.release_request();
    if (call.wording) *call.wording = {.body = {}, .share = BudgetShare(parts.reply_bytes)};
    give_string(answer.content);
    give_string(answer.fields);
    answer.reply.release_head();
    if (!done && !bodiless) {
      co_await finish_live(parts, call, answer, recording);
    } else {
      if (exchange.writer().pending() > 0 && !co_await exchange.drain(0)) {
        call.outcome.ending = Ending::kClientGone;
        exchange.abort();
      }
      answer.reply.finish(*answer.way.connections, true);
    }
    if (attempt.result == model::AttemptResult::kEarlyError && call.outcome.ending == Ending::kComplete) {
      call.outcome.ending = Ending::kUpstreamCut;
      call.outcome.error = "stream_error";
    }
  }
  book_stream(call, answer, attempt);
  call.outcome.usage = attempt.usage;
  settle(parts, call, answer, call.outcome.ending == Ending::kComplete);
  if (answer.follower) attempt.total = parts.loop.clock().now() - exchange.complete();
}

}  // namespace baton::relay
