#include "relay/try_account.h"

#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/recycle.h"
#include "http/encode.h"
#include "relay/prompt_ask.h"
#include "relay/receive.h"
#include "stream/usage_tap.h"

namespace baton::relay {

using model::AttemptResult;
using runtime::Task;

namespace {

// By which of its ways an account is reached this time.
Way choose_way(const Line& line) {
  return {.party = &line.party, .connections = line.connections, .coding = line.coding};
}

// A body that goes up in another coding than the client's.
struct Packed {
  std::string body;
  http::Coding coding = http::Coding::kIdentity;
  BudgetShare share;
};

std::string_view coding_name(http::Coding coding) { return coding == http::Coding::kZstd ? "zstd" : "gzip"; }

std::optional<Packed> pack_body(const Parts& parts, const Call& call, upstream::RequestCoding* rules) {
  if (rules == nullptr || call.route.streams_body || call.body().empty()) return std::nullopt;
  if (!call.reworded() && call.client_coding() != http::Coding::kIdentity) return std::nullopt;
  const std::string_view plain = call.body();
  const http::Coding coding = rules->choose(plain.size(), parts.loop.now());
  if (coding == http::Coding::kIdentity) return std::nullopt;
  Packed packed{.body = {}, .coding = coding, .share = BudgetShare(parts.reply_bytes)};
  if (!packed.share.resize(plain.size())) return std::nullopt;
  const Instant began = parts.loop.clock().now();
  auto body = http::encode_whole(coding, plain);
  rules->packed(plain.size(), body ? body->size() : plain.size(), parts.loop.clock().now() - began);
  if (!body) return std::nullopt;
  packed.body = std::move(*body);
  packed.share.resize(packed.body.size());
  parts.metrics.request_packed(plain.size() - packed.body.size());
  return packed;
}

upstream::BodyShape body_shape(const Call& call, const std::optional<Packed>& packed) {
  const auto& head = call.exchange.head();
  if (call.route.streams_body) return {.framing = head.framing, .length = head.content_length};
  upstream::BodyShape shape{.framing = head.framing, .length = call.body().size()};
  if (shape.framing != http::Framing::kNone) shape.framing = http::Framing::kLength;
  if (call.reworded()) shape.coding = "";
  if (packed) {
    shape.length = packed->body.size();
    shape.coding = coding_name(packed->coding);
  }
  return shape;
}

bool is_unsent(AttemptResult result) {
  return result == AttemptResult::kConnectFailed || result == AttemptResult::kTlsFailed;
}

// What the vendor is told of the trace, where it is told at all.
std::string own_traceparent(const Parts& parts, const Call& call, const Tried& tried) {
  if (parts.tracing == nullptr || !parts.tracing->propagate) return {};
  const model::TraceContext& trace = call.outcome.trace;
  return model::traceparent(trace.trace, model::span_of_part(trace, tried.answer->attempt + 1), trace.sampled);
}

// Opens the next Attempt of the call in its outcome.
model::Attempt& book(const Parts& parts, Call& call, Tried& tried) {
  auto& attempts = call.outcome.attempts;
  tried.answer->attempt = attempts.size();
  model::Attempt& attempt = attempts.emplace_back();
  attempt.account = parts.accounts.account(tried.index).name;
  attempt.began = parts.loop.clock().now() - call.began;
  if (call.outcome.trace.sampled) attempt.server = tried.answer->way.party->endpoint->host;
  return attempt;
}

// The request was on a pooled connection that was closed under our hands. Most likely nobody read it, but nobody knows.
void book_stale(const Parts& parts, Call& call, Tried& tried, Instant started) {
  model::Attempt& attempt = call.outcome.attempts[tried.answer->attempt];
  attempt.result = AttemptResult::kReset;
  attempt.may_have_been_processed = true;
  attempt.reused_connection = true;
  attempt.total = parts.loop.clock().now() - started;
  tried.resent = true;
  book(parts, call, tried);
}

Task<Expected<upstream::Reply>> send_request(const Parts& parts, Call& call, Tried& tried, TryOptions options,
                                             const std::optional<Packed>& packed) {
  const Way& way = tried.answer->way;
  const auto& asked = call.exchange.head();
  const Instant started = parts.loop.clock().now();
  std::string head = take_string();
  upstream::append_request_head(head, asked, *way.party, body_shape(call, packed), own_traceparent(parts, call, tried));
  upstream::SendOptions sending{.head = head,
                                .body = packed ? std::string_view(packed->body) : call.body(),
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
  if (verdict.effect != accounts::Effect::kServed || attempt.first_byte <= Duration{0}) return;
  if (call.route.operation != model::Operation::kMessages) return;
  auto& forecast = parts.accounts.forecast();
  const auto limits = accounts::limit_class(call.route.operation, call.facts.model);
  // The first byte of an answer that does not stream comes with its end: it counts only where none streams.
  const bool tells = call.facts.stream || forecast.first_byte(limits) == Duration{0};
  parts.accounts.first_byte(*answer.lease, attempt.first_byte, stalled || !tells, now);
  if (call.facts.stream && !stalled) forecast.first_byte(limits, attempt.first_byte);
}

}  // namespace

bool Tried::unsent() const { return is_unsent(verdict.result); }

namespace {

// The request out, the answer's beginning in.
Task<void> exchange_once(const Parts& parts, Call& call, Tried& tried, TryOptions options,
                         const std::optional<Packed>& packed, accounts::AttemptEnd& end, accounts::Stated& stated) {
  Answer& answer = *tried.answer;
  auto sent = co_await send_request(parts, call, tried, options, packed);
  if (!sent) {
    tried.failure = std::move(sent.error());
    note_prompt(parts, call, answer);
    co_return;
  }
  answer.reply = std::move(*sent);
  model::Attempt& attempt = call.outcome.attempts[answer.attempt];
  attempt.reused_connection = answer.reply.reused_connection;
  attempt.first_byte = answer.reply.arrived - answer.reply.sent;
  stated = note_head(parts, answer, end);
  note_prompt(parts, call, answer);
  if (upstream::RequestCoding* rules = answer.way.coding) {
    if (answer.reply.head->find("baton-request-id") != nullptr) rules->met_baton();
    if (rules->wants_round_trip(call.body().size()))
      rules->round_trip(answer.reply.connection->stream().round_trip().value_or(Duration{0}));
  }
  auto received = co_await receive(parts, call, answer, options.cancel);
  end.early_error = received.value_or(false);
  if (!received) tried.failure = std::move(received.error());
}

// The endpoint does not take packed bodies: that is remembered, and the same call goes there once more as it was.
void unpack_after_refusal(const Parts& parts, Call& call, Tried& tried, Instant started) {
  Answer& answer = *tried.answer;
  model::Attempt& attempt = call.outcome.attempts[answer.attempt];
  attempt.status = answer.status;
  attempt.result = AttemptResult::kClientError;
  attempt.total = parts.loop.clock().now() - started;
  answer.way.coding->refused(parts.loop.now());
  parts.metrics.request_coding_refused();
  Answer again;
  again.lease = std::move(answer.lease);
  again.way = answer.way;
  again.fields = take_string();
  again.content = take_string();
  answer = std::move(again);
  book(parts, call, tried);
}

}  // namespace

Task<Tried> try_account(const Parts& parts, Call& call, accounts::Lease lease, TryOptions options) {
  Tried tried;
  tried.index = lease.index();
  Answer& answer = *tried.answer;
  answer.lease = std::move(lease);
  tried.endpoint = answer.lease->endpoint();
  answer.way = choose_way(parts.lines[tried.index][tried.endpoint]);
  answer.fields = take_string();
  answer.content = take_string();
  book(parts, call, tried);
  const Instant started = parts.loop.clock().now();
  accounts::AttemptEnd end;
  accounts::Stated stated;
  {
    std::optional<Packed> packed = pack_body(parts, call, answer.way.coding);
    co_await exchange_once(parts, call, tried, options, packed, end, stated);
    if (packed && !tried.failure && answer.whole && upstream::refuses_coding(end.status, answer.content)) {
      packed.reset();
      unpack_after_refusal(parts, call, tried, started);
      end = {};
      co_await exchange_once(parts, call, tried, options, packed, end, stated);
    }
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
