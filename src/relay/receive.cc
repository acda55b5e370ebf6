#include "relay/receive.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/content_coding.h"
#include "stream/pump.h"
#include "stream/usage_tap.h"

namespace baton::relay {

using runtime::Task;

namespace {

// An answer that may yet be delivered, if no better one comes.
constexpr size_t kSparedBytesMax = 1 * kMiB;
constexpr Duration kSparedWait = std::chrono::seconds(5);

stream::PumpParts pump_parts(const Parts& parts, Call& call, Answer& answer, runtime::Cancellation& cancel) {
  return {.loop = parts.loop,
          .upstream = answer.reply.connection->stream(),
          .body = answer.reply.body,
          .client = call.exchange.stream(),
          .writer = call.exchange.writer(),
          .cancel = cancel,
          .follower = answer.follower.get()};
}

bool is_event_stream(const http::ResponseHead& head) {
  const auto* type = head.find(http::FieldId::kContentType);
  return type != nullptr && ascii::starts_with_ignoring_case(type->value, "text/event-stream");
}

// What is learnt from a Message's usage once all of it is there.
void read_message(const Parts& parts, const Call& call, Answer& answer, model::Attempt& attempt) {
  if (call.route.operation != model::Operation::kMessages || answer.status != 200) return;
  stream::UsageTap tap(parts.tap_room);
  if (answer.coding == http::Coding::kIdentity) {
    tap.message(answer.content);
  } else if (auto plain = http::decode_whole(answer.coding, answer.content, {.output_bytes_max = 32 * kMiB})) {
    tap.message(*plain);
  }
  attempt.usage = tap.facts().usage;
  attempt.model = tap.facts().model;
  answer.stop_reason = tap.facts().stop_reason;
}

// What the head alone says.
void read_head(Answer& answer) {
  const auto& head = *answer.reply.head;
  answer.status = head.status;
  upstream::append_reply_fields(answer.fields, head, *answer.way.party);
  answer.event_stream = is_event_stream(head);
  if (const auto* coding = head.find(http::FieldId::kContentEncoding))
    answer.coding = http::parse_coding(coding->value);
  if (head.framing == http::Framing::kLength) answer.length = static_cast<int64_t>(head.content_length);
  // An answer to HEAD states the length that the content would have.
  if (const auto* length = head.find(http::FieldId::kContentLength);
      length != nullptr && head.framing == http::Framing::kNone) {
    if (head.status != 204 && head.status != 304)
      answer.length = static_cast<int64_t>(ascii::decimal(length->value).value_or(0));
  }
  if (const auto* id = head.find(http::FieldId::kRequestId)) answer.upstream_request_id = id->value;
  answer.early = answer.reply.early;
}

// Holds a stream's opening. Gives whether its first event that says something is an error.
Task<Expected<bool>> open_stream(const Parts& parts, Call& call, Answer& answer, runtime::Cancellation& cancel) {
  answer.follower = std::make_unique<stream::EventFollower>(parts.stream, answer.coding, parts.tap_room);
  const stream::OpeningLimits limits{
      .hold = parts.stream.opening_hold,
      .bytes_max = parts.stream.opening_bytes_max,
      .begun = !answer.early.empty(),
      .first_until = std::min(call.until, parts.loop.now() + first_byte_limit(parts, call))};
  answer.content.assign(answer.follower->feed(answer.early));
  answer.follower->settle();
  answer.early = {};
  auto end = co_await stream::hold_opening(pump_parts(parts, call, answer, cancel), limits, answer.content);
  if (end == stream::OpeningEnd::kCancelled)
    co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
  if (end == stream::OpeningEnd::kCut)
    co_return fail(ErrorCode::kReset, Fault::kUpstream, "The upstream broke off before the reply began.",
                   Retry::kOtherAccount);
  if (end == stream::OpeningEnd::kEnded)
    co_return fail(ErrorCode::kBadReply, Fault::kUpstream, "The upstream's reply ended before it began.",
                   Retry::kOtherAccount);
  if (end == stream::OpeningEnd::kSilent)
    co_return fail(ErrorCode::kTimeout, Fault::kUpstream, "The upstream sent a head and then nothing.",
                   Retry::kOtherAccount);
  co_return end == stream::OpeningEnd::kError;
}

bool may_be_held(const Parts& parts, const Call& call, const Answer& answer) {
  return !answer.event_stream && call.exchange.head().method != http::Method::kHead &&
         call.route.operation != model::Operation::kFileContent &&
         call.route.operation != model::Operation::kBatchResults &&
         call.route.operation != model::Operation::kPassThrough &&
         (answer.length < 0 || static_cast<size_t>(answer.length) <= parts.stream.held_reply_bytes_max);
}

// Takes a reply in whole, if there is room for it; otherwise it is passed on as it comes.
Task<Expected<void>> take_whole(const Parts& parts, Call& call, Answer& answer, runtime::Cancellation& cancel) {
  const size_t wanted = answer.length >= 0 ? static_cast<size_t>(answer.length) : answer.early.size();
  answer.share.emplace(parts.reply_bytes);
  // Without room to hold it a reply passes as it comes; one that names a new object is small, and must be read.
  const bool must_hold = call.route.creates && wanted <= kSparedBytesMax;
  const bool charged = answer.share->resize(wanted);
  if (!charged && !must_hold) co_return Expected<void>{};
  answer.content.reserve(wanted);
  answer.content.assign(answer.early);
  answer.early = {};
  if (!answer.reply.body.done()) {
    const stream::HoldLimits limits{.bytes_max = parts.stream.held_reply_bytes_max,
                                    .idle = parts.upstream.idle_read_timeout,
                                    .until = call.until,
                                    .share = charged ? &*answer.share : nullptr};
    auto held = co_await stream::hold_whole(pump_parts(parts, call, answer, cancel), limits, answer.content);
    if (!held && held.error().code == ErrorCode::kReplyTooLarge) co_return Expected<void>{};
    if (!held) co_return held;
  }
  answer.whole = true;
  answer.length = static_cast<int64_t>(answer.content.size());
  answer.reply.finish(*answer.way.connections, /*ended_cleanly=*/true);
  read_message(parts, call, answer, call.outcome.attempts[answer.attempt]);
  co_return Expected<void>{};
}

}  // namespace

Duration first_byte_limit(const Parts& parts, const Call& call) {
  return call.facts.stream ? parts.upstream.first_byte_timeout : parts.upstream.first_byte_timeout_unstreamed;
}

Task<Expected<bool>> receive(const Parts& parts, Call& call, Answer& answer, runtime::Cancellation& cancel) {
  read_head(answer);
  const bool success = answer.status >= 200 && answer.status < 300;
  if (answer.event_stream && success && call.route.inference) {
    auto early_error = co_await open_stream(parts, call, answer, cancel);
    // Also of an opening that is given up: what the vendor stated there may be on its bill.
    model::Attempt& attempt = call.outcome.attempts[answer.attempt];
    attempt.usage = answer.follower->facts().usage;
    attempt.model = answer.follower->facts().model;
    attempt.usage_partial = !early_error;
    co_return early_error;
  }
  if (!may_be_held(parts, call, answer)) co_return false;
  auto taken = co_await take_whole(parts, call, answer, cancel);
  if (!taken) co_return std::unexpected(taken.error());
  co_return false;
}

Task<bool> spare(const Parts& parts, Call& call, Answer& answer) {
  if (answer.whole) co_return true;
  if (answer.content.empty()) answer.content.assign(answer.early);
  answer.early = {};
  const stream::HoldLimits limits{
      .bytes_max = kSparedBytesMax, .idle = kSparedWait, .until = parts.loop.now() + kSparedWait};
  auto held = co_await stream::hold_whole(pump_parts(parts, call, answer, call.cancel()), limits, answer.content);
  answer.reply.finish(*answer.way.connections, held.has_value());
  if (!held) co_return false;
  answer.whole = true;
  answer.length = static_cast<int64_t>(answer.content.size());
  answer.follower.reset();
  co_return true;
}

}  // namespace baton::relay
