#include "relay/relay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/ascii.h"
#include "base/hash.h"
#include "dialect/call_labels.h"
#include "dialect/call_weight.h"
#include "dialect/error_reply.h"
#include "http/content_coding.h"
#include "ledger/row.h"
#include "relay/budget.h"
#include "relay/deadline.h"
#include "relay/keep_warm.h"

namespace baton::relay {

using model::Ending;
using model::Operation;
using runtime::Task;

namespace {

constexpr size_t kPathBytesMax = 256;
constexpr Duration kHopelessWait = std::chrono::minutes(15);  // no client waits longer for one call
constexpr size_t kModelBytesMax = 256;

std::string rfc3339(WallTime time) {
  const auto second = std::chrono::ceil<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

// A signed body is compared with its digest before any of it is forwarded, so it is held whole where others pass
// through.
void hold_if_signed(Call& call) {
  if (!call.caller.proof || !call.route.streams_body) return;
  call.route.streams_body = false;
  call.route.body_bytes_max = model::kBodyBytesMax;
}

model::TraceContext begin_trace(const http::RequestHead& head, const model::TraceRules& rules,
                                runtime::Random& random) {
  std::string_view value;
  int count = 0;
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::kOther || !ascii::equal_ignoring_case(field.name, "traceparent")) continue;
    value = field.value;
    ++count;
  }
  const double chance = random.unit();
  return model::begin_trace(value, count, rules, chance, {random.next(), random.next(), random.next()});
}

bool reads_json(const Call& call) {
  return call.route.operation == Operation::kMessages || call.route.operation == Operation::kCountTokens;
}

}  // namespace

Relay::Relay(Parts parts) : parts_(std::move(parts)) {
  if (parts_.replies != nullptr) digester_.emplace(parts_.replies->secret());
}

std::string Relay::new_request_id() {
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  std::array<char, 28> id{'b', 'r', 'q', '_'};
  char* at = id.data() + 4;
  for (int half = 0; half < 2; ++half) {
    uint64_t bits = parts_.random.next();
    for (int i = 0; i < 12; ++i, bits >>= 5) *at++ = kDigits[bits & 31];
  }
  return {id.data(), id.size()};
}

Call Relay::begin(edge::Exchange& exchange) {
  const auto& head = exchange.head();
  Call call{.exchange = exchange};
  call.began = exchange.started();
  call.until = exchange.started() + parts_.upstream.total_timeout;
  call.route = model::route(head.method_text, head.path);
  model::Outcome& outcome = call.outcome;
  outcome.request_id = new_request_id();
  outcome.operation = call.route.operation;
  outcome.method = head.method_text;
  outcome.path = head.path.substr(0, kPathBytesMax);
  outcome.simulated = parts_.simulated;
  outcome.started = parts_.loop.wall();
  if (parts_.simulated) exchange.mark_simulated();
  if (parts_.tracing != nullptr) outcome.trace = begin_trace(head, *parts_.tracing, parts_.random);
  return call;
}

Expected<void> Relay::recognise(Call& call) {
  const auto& head = call.exchange.head();
  auto caller = parts_.authenticator.identify(
      head, net::IpAddress::parse(call.exchange.peer_address()).value_or(net::IpAddress{}), parts_.loop.wall());
  if (!caller) {
    if (auth::is_signed(head)) parts_.metrics.signed_request(metrics::RelayMetrics::Shard::Signed::kRefused);
    return std::unexpected(caller.error());
  }
  call.caller = std::move(*caller);
  call.outcome.client = call.caller.name;
  call.outcome.client_address = call.caller.client_address;
  if (call.route.operation == Operation::kNone)
    return fail(ErrorCode::kNotFound, Fault::kClient, "There is nothing at this path; the API lives under /v1/.");
  if (call.route.wrong_method)
    return fail(ErrorCode::kMethodNotAllowed, Fault::kClient, "This path does not take this method.");
  // A credential of the caller's own goes to a passthrough account and nowhere else; Baton's key never leaves.
  const bool own = call.caller.brings_own_credential;
  call.passthrough = parts_.accounts.has_passthrough() &&
                     (!parts_.accounts.has_pooled() || (own && head.find(http::FieldId::kBatonKey) != nullptr));
  if (call.passthrough && !own)
    return fail(ErrorCode::kUnauthenticated, Fault::kClient,
                "This relay forwards your own Anthropic credential: send it as usual, and your Baton key in the "
                "baton-key header.");
  return {};
}

Task<Expected<void>> Relay::prove(Call& call) {
  using Signed = metrics::RelayMetrics::Shard::Signed;
  const auto proof = call.caller.proof;
  hold_if_signed(call);
  if (parts_.nonces == nullptr) co_return fail(ErrorCode::kStore, Fault::kUs, "no nonces are kept", Retry::kLater);
  // In the older form the body is part of what was signed, and nothing is known before it is here.
  if (proof->legacy) {
    auto body = co_await call.exchange.read_body(call.route.body_bytes_max);
    if (!body) co_return std::unexpected(body.error());
    if (auto whole = auth::check_body(*proof, *body); !whole) {
      parts_.metrics.signed_request(Signed::kRefused);
      co_return whole;
    }
  }
  auto fresh = co_await parts_.nonces->claim(parts_.loop, proof->mark, proof->time, parts_.loop.wall());
  if (!fresh) {
    const bool replayed = fresh.error().code == ErrorCode::kUnauthenticated;
    parts_.metrics.signed_request(replayed ? Signed::kReplayed : Signed::kUnavailable);
    co_return fresh;
  }
  if (proof->legacy) parts_.metrics.signed_request(Signed::kAccepted);
  co_return Expected<void>{};
}

Expected<void> Relay::check_signed_body(Call& call, std::string_view body) {
  using Signed = metrics::RelayMetrics::Shard::Signed;
  const auto& proof = call.caller.proof;
  if (!proof || proof->legacy) return {};
  auto whole = auth::check_body(*proof, body);
  parts_.metrics.signed_request(whole ? Signed::kAccepted : Signed::kBodyChanged);
  return whole;
}

Expected<void> Relay::count_in(Call& call) {
  model::Outcome& outcome = call.outcome;
  const auth::ClientKey* key = call.caller.key.get();
  if (key != nullptr) {
    outcome.key_id = key->id;
    outcome.team = key->team;
  }
  auto labels = dialect::read_labels(call.exchange.head(), key != nullptr ? key->tags : std::string_view{});
  if (!labels) return std::unexpected(labels.error());
  outcome.tags = std::move(labels->tags);
  outcome.session_id = std::move(labels->session_id);
  outcome.agent_id = std::move(labels->agent_id);
  outcome.parent_agent_id = std::move(labels->parent_agent_id);
  if (call.warming != nullptr) {
    auto marked = dialect::join_tags({outcome.tags, kKeepWarmTag});
    outcome.tags = marked ? std::move(*marked) : std::string(kKeepWarmTag);
  }
  // What cannot be booked is not begun.
  if (!parts_.ledger.has_room())
    return fail(ErrorCode::kStore, Fault::kUs, "too many rows wait for the ledger", Retry::kLater);
  if (auto priced = allow_operation(parts_, call); !priced) return priced;
  if (key == nullptr || call.warming != nullptr) return {};
  auto permit = auth::admit(*key, outcome.operation, parts_.loop.now(), call.retry_after);
  if (!permit) return std::unexpected(permit.error());
  call.permit = std::move(*permit);
  return {};
}

Task<Expected<void>> Relay::read(Call& call) {
  if (call.route.streams_body) {
    const auto& head = call.exchange.head();
    if (head.framing == http::Framing::kLength && head.content_length > call.route.body_bytes_max) {
      call.exchange.close_after();
      co_return fail(ErrorCode::kBodyTooLarge, Fault::kClient, "The request body is larger than is allowed here.");
    }
    co_return Expected<void>{};
  }
  auto body = co_await call.exchange.read_body(call.route.body_bytes_max);
  if (!body) co_return std::unexpected(body.error());
  // The head may have moved with the body that grew behind it.
  const auto& head = call.exchange.head();
  call.route = model::route(head.method_text, head.path);
  hold_if_signed(call);
  call.outcome.request_body_bytes = body->size();
  if (auto whole = check_signed_body(call, *body); !whole) co_return whole;
  if (reads_json(call)) co_return read_facts(call);
  co_return Expected<void>{};
}

Expected<void> Relay::read_facts(Call& call) {
  const auto& head = call.exchange.head();
  const auto* type = head.find(http::FieldId::kContentType);
  if (type == nullptr || !dialect::is_json_content_type(type->value))
    return fail(ErrorCode::kUnsupported, Fault::kClient, "The content-type must be application/json.");
  std::string decoded;
  std::string_view text = call.exchange.body();
  if (const auto* field = head.find(http::FieldId::kContentEncoding)) {
    const http::Coding coding = http::parse_coding(field->value);
    if (coding != http::Coding::kIdentity && coding != http::Coding::kGzip && coding != http::Coding::kZstd)
      return fail(ErrorCode::kUnsupported, Fault::kClient,
                  "A request body may be encoded with gzip, with zstd or not at all.");
    if (coding != http::Coding::kIdentity) {
      auto plain = http::decode_whole(coding, text, {.output_bytes_max = call.route.body_bytes_max});
      if (!plain) return std::unexpected(plain.error());
      decoded = std::move(*plain);
      decoded.reserve(decoded.size() + http::kJsonPadding);
      text = decoded;
    }
    // The vendor is not known to take zstd, which another Baton sends.
    if (coding == http::Coding::kZstd) {
      Wording wording{.body = std::move(decoded), .share = BudgetShare(parts_.reply_bytes)};
      if (!wording.share.resize(wording.body.size()))
        return fail(ErrorCode::kOverloaded, Fault::kUs, "Too many replies and requests are held at once.",
                    Retry::kLater);
      call.plain = std::move(wording);
      text = call.plain->body;
    }
  }
  // A conversation that names itself in its head needs no look at its prompt.
  const bool seek =
      parts_.accounts.has_affinity() && call.route.inference && head.find("x-claude-code-session-id") == nullptr;
  std::optional<uint64_t> prompt_seed;
  const bool reads = parts_.accounts.reads_prompts() || parts_.keep_warm != nullptr;
  if (reads && call.route.operation == Operation::kMessages && !call.passthrough)
    prompt_seed = hash64(call.caller.name);
  auto facts = dialect::read_call(text, scanner_,
                                  seek ? dialect::Conversation::kWanted : dialect::Conversation::kIgnored, prompt_seed);
  if (!facts) return std::unexpected(facts.error());
  call.facts = std::move(*facts);
  call.patience = client_patience(head);
  call.outcome.model = call.facts.model.substr(0, kModelBytesMax);
  call.outcome.stream = call.facts.stream;
  if (spends_budget(parts_, call)) call.weight = dialect::weigh(text, call.facts.names, call.facts.max_tokens);
  if (call.caller.key) return auth::allow_model(*call.caller.key, call.facts.model);
  return {};
}

// What the call will probably use of its key's tokens a minute; a kept reply uses none, so it comes after the look for
// one.
Expected<void> Relay::take_tokens(Call& call) {
  const auth::ClientKey* key = call.caller.key.get();
  if (key == nullptr || key->rights.tokens_per_minute == 0 || call.route.operation != Operation::kMessages) return {};
  const accounts::Need need =
      parts_.accounts.forecast().expect(call.caller.name, accounts::limit_class(call.route.operation, call.facts.model),
                                        call.exchange.body().size(), call.facts.max_tokens);
  auto hold = auth::take_tokens(*key, static_cast<int64_t>(need.input_tokens + need.output_tokens), parts_.loop.now(),
                                call.retry_after);
  if (!hold) return std::unexpected(hold.error());
  call.tokens = std::move(*hold);
  return {};
}

// By what the vendor counts against its own limits: reads from the prompt cache are free there too.
void Relay::settle_tokens(Call& call) {
  int64_t used = 0;
  bool known = false;
  bool unknown = false;
  for (const auto& attempt : call.outcome.attempts) {
    const model::Usage& usage = attempt.usage;
    known = known || usage.known;
    unknown = unknown || (!usage.known && attempt.may_have_been_processed);
    if (usage.known) used += usage.input_tokens + usage.cache_creation_input_tokens + usage.output_tokens;
  }
  if (unknown && !known) return call.tokens.forfeit();
  call.tokens.settle(used);
}

// Before anything is read or held for it.
Expected<void> Relay::shed(Call& call) {
  if (parts_.pressure == nullptr || !parts_.pressure->refuses()) return {};
  call.shed = true;
  call.exchange.close_after();
  parts_.metrics.memory_refused();
  return fail(ErrorCode::kOverloaded, Fault::kUs, "The process is near its memory limit.", Retry::kLater);
}

Task<Expected<void>> Relay::answer_probe(Call& call) {
  // A warm-up: clients send it without a credential, and any quick answer does.
  call.exchange.release_request();
  auto sent = co_await call.exchange.reply(200, "content-type: application/json\r\n", "{\"message\":\"hello\"}");
  if (!sent) call.outcome.ending = Ending::kClientGone;
  co_return Expected<void>{};
}

Task<void> Relay::answer_error(Call& call, Error error) {
  model::Outcome& outcome = call.outcome;
  outcome.error = name(error.code);
  if (error.code == ErrorCode::kCancelled) {
    outcome.ending =
        call.exchange.cancel().reason() == runtime::CancelReason::kDrain ? Ending::kDrained : Ending::kClientGone;
    if (outcome.ending == Ending::kClientGone) {
      call.exchange.abort();
      co_return;
    }
    error.fault = Fault::kUs;  // whoever gave up took it for the client's leaving
  } else {
    outcome.ending = error.fault == Fault::kUpstream ? Ending::kUpstreamCut : Ending::kRefusedByUs;
    if (error.code == ErrorCode::kTimeout) outcome.ending = Ending::kTimedOut;
  }
  if (call.exchange.replied()) co_return call.exchange.abort();
  if (error.code == ErrorCode::kOverloaded && outcome.attempts.empty() && !call.shed)
    parts_.metrics.body_budget_refused();
  dialect::ReplyHints hints{.retry_after = call.retry_after, .allow = call.route.allow};
  std::string retry_at;
  if (call.retry_at && error.code == ErrorCode::kNoAccount) {
    const Duration wait = std::max(*call.retry_at - parts_.loop.now(), Duration{1});
    hints.retry_after = wait;
    hints.hopeless = wait > kHopelessWait;
    retry_at =
        "baton-retry-at: " + rfc3339(parts_.loop.wall() + std::chrono::ceil<std::chrono::milliseconds>(wait)) + "\r\n";
  }
  auto reply = dialect::error_reply(error, outcome.request_id, hints);
  reply.fields += retry_at;
  if (auto sent = co_await call.exchange.reply(reply.status, reply.fields, reply.body); !sent) call.exchange.abort();
}

void Relay::close(Call& call) {
  model::Outcome& outcome = call.outcome;
  edge::Exchange& exchange = call.exchange;
  outcome.status = exchange.status();
  outcome.reply_body_bytes = exchange.writer().content_bytes();
  if (call.route.streams_body) outcome.request_body_bytes = exchange.body_bytes();
  const Instant now = parts_.loop.clock().now();
  outcome.duration = now - call.began;
  if (exchange.replied() && outcome.first_byte.count() == 0)
    outcome.first_byte = exchange.first_byte() - exchange.complete();
  Duration elsewhere{0};
  for (const auto& attempt : outcome.attempts) elsewhere += attempt.first_byte;
  outcome.added = std::max(Duration{0}, outcome.first_byte - elsewhere);
  settle_budget(parts_, call);
  settle_tokens(call);
  if (call.warming != nullptr) note_warming(call);
  parts_.ledger.close(std::move(outcome));
}

void Relay::note_warming(Call& call) {
  Warming& warming = *call.warming;
  warming.status = call.outcome.status;
  warming.usage = call.outcome.usage;
  if (parts_.budgets == nullptr) return;
  const auto prices = parts_.budgets->prices();
  for (const auto& attempt : call.outcome.attempts)
    warming.cost += ledger::cost_of(call.outcome, attempt, *prices).value_or(0);
}

edge::Refusal Relay::refuse(http::HeadError head_error, const Error& error, std::string_view) {
  const std::string id = new_request_id();
  auto reply =
      head_error != http::HeadError::kNone ? dialect::error_reply(head_error, id) : dialect::error_reply(error, id);
  parts_.metrics.error_without_call(head_error != http::HeadError::kNone ? ErrorCode::kBadRequest : error.code);
  return {reply.status, std::move(reply.fields), std::move(reply.body), parts_.simulated};
}

}  // namespace baton::relay
