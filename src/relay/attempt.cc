#include "relay/attempt.h"

#include <algorithm>

#include "accounts/verdict.h"
#include "base/ascii.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/recycle.h"
#include "relay/seek.h"
#include "runtime/wait.h"
#include "stream/pump.h"

namespace baton::relay {

using accounts::AccountIndex;
using runtime::Task;

namespace {

// An answer that may yet be delivered, if no better one comes.
constexpr size_t kSparedBytesMax = 1 * kMiB;
constexpr Duration kSparedWait = std::chrono::seconds(5);

class ExchangeBody final : public upstream::BodySource {
 public:
  ExchangeBody(edge::Exchange& exchange, size_t bytes_max) : exchange_(exchange), bytes_max_(bytes_max) {}
  Task<Expected<std::string_view>> next() override {
    touched_ = true;
    return exchange_.read_piece(bytes_max_);
  }
  // A body that came whole has the exchange's own watch.
  runtime::ByteStream* sender() override { return exchange_.body_complete() ? nullptr : &exchange_.stream(); }
  bool touched() const { return touched_; }

 private:
  edge::Exchange& exchange_;
  size_t bytes_max_;
  bool touched_ = false;
};

upstream::BodyShape body_shape(const Call& call) {
  const auto& head = call.exchange.head();
  if (!call.route.streams_body)
    return {head.framing == http::Framing::kNone ? http::Framing::kNone : http::Framing::kLength,
            call.exchange.body().size()};
  return {head.framing, head.content_length};
}

stream::PumpParts pump_parts(const Parts& parts, Call& call, Answer& answer) {
  return {.loop = parts.loop,
          .upstream = answer.reply.connection->stream(),
          .body = answer.reply.body,
          .client = call.exchange.stream(),
          .writer = call.exchange.writer(),
          .cancel = call.exchange.cancel(),
          .follower = answer.follower.get()};
}

bool is_event_stream(const http::ResponseHead& head) {
  const auto* type = head.find(http::FieldId::kContentType);
  return type != nullptr && ascii::starts_with_ignoring_case(type->value, "text/event-stream");
}

Duration first_byte_limit(const Parts& parts, const Call& call) {
  return call.facts.stream ? parts.upstream.first_byte_timeout : parts.upstream.first_byte_timeout_unstreamed;
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

// From a head that has come to an Answer; opens a stream, or takes a Message in whole. The error is that of an answer
// that broke off before anything of it was forwarded.
Task<Expected<bool>> receive(const Parts& parts, Call& call, Answer& answer, model::Attempt& attempt) {
  const auto& head = *answer.reply.head;
  answer.status = head.status;
  upstream::append_reply_fields(answer.fields, head, answer.line->party);
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
  const bool success = answer.status >= 200 && answer.status < 300;
  if (answer.event_stream && success && call.route.inference) {
    answer.follower = std::make_unique<stream::EventFollower>(parts.stream, answer.coding, parts.tap_room);
    const stream::OpeningLimits limits{
        .hold = parts.stream.opening_hold,
        .bytes_max = parts.stream.opening_bytes_max,
        .begun = !answer.early.empty(),
        .first_until = std::min(call.until, parts.loop.now() + first_byte_limit(parts, call))};
    answer.content.assign(answer.follower->feed(answer.early));
    answer.follower->settle();
    answer.early = {};
    auto end = co_await stream::hold_opening(pump_parts(parts, call, answer), limits, answer.content);
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
  const bool hold = !answer.event_stream && call.exchange.head().method != http::Method::kHead &&
                    call.route.operation != model::Operation::kFileContent &&
                    call.route.operation != model::Operation::kBatchResults &&
                    call.route.operation != model::Operation::kPassThrough &&
                    (answer.length < 0 || static_cast<size_t>(answer.length) <= parts.stream.held_reply_bytes_max);
  if (!hold) co_return false;
  const size_t wanted = answer.length >= 0 ? static_cast<size_t>(answer.length) : answer.early.size();
  answer.share.emplace(parts.reply_bytes);
  // Without room to hold it a reply passes as it comes; one that names a new object is small, and must be read.
  const bool must_hold = call.route.creates && wanted <= kSparedBytesMax;
  const bool charged = answer.share->resize(wanted);
  if (!charged && !must_hold) co_return false;
  answer.content.reserve(wanted);
  answer.content.assign(answer.early);
  answer.early = {};
  if (!answer.reply.body.done()) {
    const stream::HoldLimits limits{.bytes_max = parts.stream.held_reply_bytes_max,
                                    .idle = parts.upstream.idle_read_timeout,
                                    .until = call.until,
                                    .share = charged ? &*answer.share : nullptr};
    auto held = co_await stream::hold_whole(pump_parts(parts, call, answer), limits, answer.content);
    if (!held && held.error().code == ErrorCode::kReplyTooLarge) co_return false;
    if (!held) co_return std::unexpected(held.error());
  }
  answer.whole = true;
  answer.length = static_cast<int64_t>(answer.content.size());
  answer.reply.finish(*answer.line->connections, /*ended_cleanly=*/true);
  read_message(parts, call, answer, attempt);
  co_return false;
}

// Takes an answer that will perhaps not be delivered off its connection. Gives whether it came whole.
Task<bool> spare(const Parts& parts, Call& call, Answer& answer) {
  if (answer.whole) co_return true;
  if (answer.content.empty()) answer.content.assign(answer.early);
  answer.early = {};
  const stream::HoldLimits limits{
      .bytes_max = kSparedBytesMax, .idle = kSparedWait, .until = parts.loop.now() + kSparedWait};
  auto held = co_await stream::hold_whole(pump_parts(parts, call, answer), limits, answer.content);
  answer.reply.finish(*answer.line->connections, held.has_value());
  if (!held) co_return false;
  answer.whole = true;
  answer.length = static_cast<int64_t>(answer.content.size());
  answer.follower.reset();
  co_return true;
}

bool is_unsent(model::AttemptResult result) {
  return result == model::AttemptResult::kConnectFailed || result == model::AttemptResult::kTlsFailed;
}

// The pool learns from the head before anything else can run: an account at its limit gets no further call.
void note_head(const Parts& parts, Answer& answer, accounts::AttemptEnd& end, accounts::Stated& stated) {
  BATON_CHECK(answer.lease.has_value());
  stated = accounts::read_stated(*answer.reply.head, parts.loop.wall());
  end.retry_after = stated.retry_after.has_value();
  end.limit_fields = stated.any_limit_field;
  const bool limited = end.status == 429 && (stated.retry_after || stated.reset);
  parts.accounts.answered(*answer.lease, stated, limited, parts.loop.now());
}

std::string error_code_of(const Parts& parts, const Answer& answer) {
  if (!answer.whole || answer.coding != http::Coding::kIdentity) return {};
  auto error = stream::read_error(answer.content, parts.tap_room);
  return error ? error->error_code : std::string();
}

void note_end(const Parts& parts, const Call& call, Answer& answer, const accounts::Verdict& verdict,
              const accounts::Stated& stated, const model::Attempt& attempt) {
  BATON_CHECK(answer.lease.has_value());
  const Instant now = parts.loop.now();
  if (verdict.effect == accounts::Effect::kLimited && !stated.retry_after && !stated.reset) {
    parts.accounts.answered(*answer.lease, stated, /*limited=*/true, now);
  }
  const uint64_t model = call.facts.model.empty() ? 0 : hash64(call.facts.model);
  parts.accounts.ended(*answer.lease, {.effect = verdict.effect, .reached = !is_unsent(verdict.result), .model = model},
                       now);
  if (verdict.effect == accounts::Effect::kServed && call.facts.stream && attempt.first_byte > Duration{0}) {
    parts.accounts.forecast().first_byte(accounts::limit_class(call.route.operation, call.facts.model),
                                         attempt.first_byte);
  }
}

}  // namespace

Task<Expected<Answer>> attempt_all(const Parts& parts, Call& call) {
  auto& attempts = call.outcome.attempts;
  std::optional<Answer> spared;
  bool repeated = false;  // a call that may have been processed was sent again
  ExchangeBody source(call.exchange, call.route.body_bytes_max);
  Seeker seeker(parts, call);
  auto under_way = parts.accounts.retry_budget().call();
  accounts::RetryBudget::Hold repetition;
  auto got = co_await seeker.first();
  if (!got) co_return std::unexpected(got.error());
  std::optional<accounts::Lease> lease(std::move(*got));
  // An account that owns objects may since have become one that forwards the caller's credential, and here that is
  // Baton's own key.
  if (lease->account().passthrough != call.passthrough)
    co_return fail(ErrorCode::kNoAccount, Fault::kUs,
                   "The account that made this object forwards callers' own credentials now.");
  while (true) {
    const AccountIndex index = lease->index();
    const Line& line = parts.lines[index];
    attempts.emplace_back().account = parts.accounts.account(index).name;
    const size_t at = attempts.size() - 1;
    const Instant started = parts.loop.clock().now();

    Answer answer;
    answer.lease = std::exchange(lease, std::nullopt);
    answer.line = &line;
    answer.attempt = at;
    answer.fields = take_string();
    answer.content = take_string();
    std::string head = take_string();
    upstream::append_request_head(head, call.exchange.head(), line.party, body_shape(call));
    upstream::SendOptions options{
        .head = head,
        .body = call.exchange.body(),
        .source = call.route.streams_body && call.exchange.head().framing != http::Framing::kNone ? &source : nullptr,
        .source_chunked = call.exchange.head().framing == http::Framing::kChunked,
        .to_head = call.exchange.head().method == http::Method::kHead,
        .fresh = call.route.creates || repeated,
        .first_byte_timeout = first_byte_limit(parts, call),
        .until = call.until};
    auto sent = co_await upstream::send(parts.loop, *line.connections, options, call.exchange.cancel());
    if (!sent && sent.error().retry == Retry::kSameAccount) {
      // A pooled connection was closed under our hands: most likely nobody read the call, but it counts as the one
      // repetition.
      options.fresh = repeated = true;
      sent = co_await upstream::send(parts.loop, *line.connections, options, call.exchange.cancel());
    }
    give_string(head);
    accounts::AttemptEnd end;
    accounts::Stated stated;
    std::optional<Error> failure;
    if (!sent) {
      failure = sent.error();
    } else {
      answer.reply = std::move(*sent);
      attempts[at].reused_connection = answer.reply.reused_connection;
      attempts[at].first_byte = answer.reply.arrived - answer.reply.sent;
      end.status = answer.reply.status();
      note_head(parts, answer, end, stated);
      auto received = co_await receive(parts, call, answer, attempts[at]);
      if (answer.follower) {
        // Also of an opening that is given up: what the vendor stated there may be on its bill.
        attempts[at].usage = answer.follower->facts().usage;
        attempts[at].model = answer.follower->facts().model;
        attempts[at].usage_partial = !received;
      }
      if (received) {
        end.early_error = *received;
      } else {
        failure = received.error();
      }
    }
    if (failure) {
      end.status = 0;
      end.error = failure->code;
      answer.reply.finish(*answer.line->connections, false);
    }
    const std::string error_code = end.status == 429 ? error_code_of(parts, answer) : std::string();
    end.error_code = error_code;
    const auto verdict = accounts::judge(end);
    attempts[at].status = failure ? 0 : end.status;
    attempts[at].result = verdict.result;
    attempts[at].may_have_been_processed = verdict.may_have_been_processed;
    attempts[at].total = parts.loop.clock().now() - started;
    note_end(parts, call, answer, verdict, stated, attempts[at]);
    repetition = {};
    if (failure && failure->fault == Fault::kClient) co_return std::unexpected(*failure);

    // Where to, if anywhere?
    seeker.tried(index);
    const bool unsent = is_unsent(verdict.result);
    bool may_move = verdict.next != accounts::Next::kDeliver && !call.passthrough && !call.bound_account &&
                    (call.repeatable() || (unsent && !source.touched())) && attempts.size() < parts.attempts_max &&
                    !(verdict.next == accounts::Next::kOnceMore && repeated) && parts.loop.now() < call.until;
    if (may_move && !verdict.unbudgeted()) {
      repetition = parts.accounts.retry_budget().repetition();
      may_move = static_cast<bool>(repetition);
      if (!may_move) parts.metrics.retry_budget_refused();
    }
    if (may_move) {
      lease = seeker.other();
      may_move = lease.has_value() || seeker.may_wait(verdict);
      // A connection that broke is worth a second try even where nothing waits and there is only one account.
      if (!may_move && verdict.result == model::AttemptResult::kReset) {
        lease = parts.accounts.take(index);
        may_move = true;
      }
    }
    if (!may_move) {
      if (!failure) co_return answer;
      if (spared) co_return std::move(*spared);
      co_return std::unexpected(*failure);
    }
    if (verdict.next == accounts::Next::kOnceMore) repeated = true;
    const bool keep = !failure && co_await spare(parts, call, answer);
    answer.lease.reset();
    if (keep) spared = std::move(answer);
    if (call.exchange.cancel().cancelled())
      co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
    if (lease) continue;
    auto waited_for = co_await seeker.wait();
    if (waited_for) {
      lease = std::move(*waited_for);
      continue;
    }
    if (waited_for.error().code == ErrorCode::kCancelled) co_return std::unexpected(waited_for.error());
    if (spared) co_return std::move(*spared);
    co_return std::unexpected(failure ? *failure : waited_for.error());
  }
}

}  // namespace baton::relay
