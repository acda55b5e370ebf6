#include "relay/try_account.h"

#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/recycle.h"
#include "relay/prompt_ask.h"
#include "relay/receive.h"
#include "stream/usage_tap.h"

namespace baton::relay {

using model::AttemptResult;
using runtime::Task;

namespace {

// By which of its ways an account is reached this time.
Way choose_way(const Line& line) { return {.party = &line.party, .connections = line.connections}; }

upstream::BodyShape body_shape(const Call& call) {
  const auto& head = call.exchange.head();
  if (call.route.streams_body) return {.framing = head.framing, .length = head.content_length};
  upstream::BodyShape shape{.framing = head.framing, .length = call.body().size()};
  if (shape.framing != http::Framing::kNone) shape.framing = http::Framing::kLength;
  if (call.wording) shape.coding = "";
  return shape;
}

bool is_unsent(AttemptResult result) {
  return result == AttemptResult::kConnectFailed || result == AttemptResult::kTlsFailed;
}

// What the vendor is told of the trace, where it is told at all.
std::string own_traceparent(const Parts& parts, const Call& call, const Tried& tried) {
  if (parts.tracing == nullptr || !parts.tracing->propagate) return {};
  const model::TraceContext& trace = call.outcome.trace;
  return model::traceparent(trace.trace, model::span_of_part(trace, tried.answer.attempt + 1), trace.sampled);
}

// Opens the next Attempt of the call in its outcome.
model::Attempt& book(const Parts& parts, Call& call, Tried& tried) {
  auto& attempts = call.outcome.attempts;
  tried.answer.attempt = attempts.size();
  model::Attempt& attempt = attempts.emplace_back();
  attempt.account = parts.accounts.account(tried.index).name;
  attempt.began = parts.loop.clock().now() - call.began;
  if (call.outcome.trace.sampled) attempt.server = tried.answer.way.party->endpoint->host;
  return attempt;
}

// The request was on a pooled connection that was closed under our hands. Most likely nobody read it, but nobody knows.
void book_stale(const Parts& parts, Call& call, Tried& tried, Instant started) {
  model::Attempt& attempt = call.outcome.attempts[tried.answer.attempt];
  attempt.result = AttemptResult::kReset;
  attempt.may_have_been_processed = true;
  attempt.reused_connection = true;
  attempt.total = parts.loop.clock().now() - started;
  tried.resent = true;
  book(parts, call, tried);
}

Task<Expected<upstream::Reply>> send_request(const Parts& parts, Call& call, Tried& tried, TryOptions options) {
  const Way& way = tried.answer.way;
  const auto& asked = call.exchange.head();
  const Instant started = parts.loop.clock().now();
  std::string head = take_string();
  upstream::append_request_head(head, asked, *way.party, body_shape(call), own_traceparent(parts, call, tried));
  upstream::SendOptions sending{.head = head,
                                .body = call.body(),
                                .source = options.source,
                                .source_chunked = asked.framing == http::Framing::kChunked,
                                .to_head = asked.method == http::Method::kHead,
                                .fresh = options.fresh,
                                .first_byte_timeout = first_byte_limit(parts, call),
                                .until = call.until};
  auto sent = co_await upstream::send(parts.loop, *way.connections, sending, options.cancel);
  if (!sent && sent.error().retry == Retry::kSameAccount) {
    if (sent.error().code == ErrorCode::kReset) book_stale(parts, call, tried, started);
    sending.fresh = true;
    sent = co_await upstream::send(parts.loop, *way.connections, sending, options.cancel);
  }
  give_string(head);
  co_return sent;
}

// The pool learns from the head before anything else can run: an account at its limit gets no further call.
accounts::Stated note_head(const Parts& parts, Answer& answer, accounts::AttemptEnd& end) {
  BATON_CHECK(answer.lease.has_value());
  auto stated = accounts::read_stated(*answer.reply.head, parts.loop.wall());
  end.status = answer.reply.status();
  end.retry_after = stated.retry_after.has_value();
  end.limit_fields = stated.any_limit_field;
  const bool limited = end.status == 429 && (stated.retry_after || stated.reset);
  parts.accounts.answered(*answer.lease, stated, limited, parts.loop.now());
  return stated;
}

// Others may wait for this call to write their prefix: it has begun to, or it has failed.
void note_prompt(const Parts& parts, Call& call, Answer& answer) {
  if (const auto ask = prompt_ask(parts.accounts, call); ask.prompt != nullptr && answer.reply.head) {
    if (answer.reply.status() == 200) parts.accounts.prompt_begun(*answer.lease, ask, parts.loop.now());
  }
  call.lead = {};
}

std::string error_code_of(const Parts& parts, const Answer& answer) {
  if (!answer.whole || answer.coding != http::Coding::kIdentity) return {};
  auto error = stream::read_error(answer.content, parts.tap_room);
  return error ? error->error_code : std::string();
}

void note_end(const Parts& parts, const Call& call, Answer& answer, const accounts::Verdict& verdict,
              const accounts::Stated& stated, const model::Attempt& attempt, Instant started) {
  BATON_CHECK(answer.lease.has_value());
  const Instant now = parts.loop.now();
  // While our own loop stands still every upstream looks slow.
  const bool stalled = parts.loop.stalled_at() >= started;
  if (verdict.effect == accounts::Effect::kLimited && !stated.retry_after && !stated.reset) {
    parts.accounts.answered(*answer.lease, stated, /*limited=*/true, now);
  }
  const uint64_t model = call.facts.model.empty() ? 0 : hash64(call.facts.model);
  parts.accounts.ended(*answer.lease,
                       {.effect = verdict.effect,
                        .reached = !is_unsent(verdict.result),
                        .model = model,
                        .stalled = stalled && attempt.status == 0},
                       now);
  if (verdict.effect == accounts::Effect::kServed && call.facts.stream && attempt.first_byte > Duration{0}) {
    parts.accounts.first_byte(*answer.lease, attempt.first_byte, stalled, now);
    if (stalled) return;
    parts.accounts.forecast().first_byte(accounts::limit_class(call.route.operation, call.facts.model),
                                         attempt.first_byte);
  }
}

}  // namespace

bool Tried::unsent() const { return is_unsent(verdict.result); }

Task<Tried> try_account(const Parts& parts, Call& call, accounts::Lease lease, TryOptions options) {
  Tried tried;
  tried.index = lease.index();
  Answer& answer = tried.answer;
  answer.lease = std::move(lease);
  tried.endpoint = answer.lease->endpoint();
  answer.way = choose_way(parts.lines[tried.index][tried.endpoint]);
  answer.fields = take_string();
  answer.content = take_string();
  book(parts, call, tried);
  const Instant started = parts.loop.clock().now();
  accounts::AttemptEnd end;
  accounts::Stated stated;
  auto sent = co_await send_request(parts, call, tried, options);
  if (sent) {
    answer.reply = std::move(*sent);
    model::Attempt& attempt = call.outcome.attempts[answer.attempt];
    attempt.reused_connection = answer.reply.reused_connection;
    attempt.first_byte = answer.reply.arrived - answer.reply.sent;
    stated = note_head(parts, answer, end);
    note_prompt(parts, call, answer);
    auto received = co_await receive(parts, call, answer, options.cancel);
    end.early_error = received.value_or(false);
    if (!received) tried.failure = std::move(received.error());
  } else {
    tried.failure = std::move(sent.error());
    note_prompt(parts, call, answer);
  }
  if (tried.failure) {
    end.status = 0;
    end.error = tried.failure->code;
    answer.reply.finish(*answer.way.connections, false);
  }
  const std::string error_code = end.status == 429 ? error_code_of(parts, answer) : std::string();
  end.error_code = error_code;
  tried.verdict = accounts::judge(end);
  model::Attempt& attempt = call.outcome.attempts[answer.attempt];
  attempt.status = end.status;
  attempt.result = tried.verdict.result;
  attempt.may_have_been_processed = tried.verdict.may_have_been_processed;
  attempt.total = parts.loop.clock().now() - started;
  note_end(parts, call, answer, tried.verdict, stated, attempt, started);
  co_return tried;
}

}  // namespace baton::relay
