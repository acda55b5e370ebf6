#include "relay/keep_warm.h"

#include <algorithm>
#include <vector>

#include "base/hash.h"
#include "http/encode.h"
#include "http/json.h"
#include "relay/kept.h"
#include "relay/nobody.h"
#include "relay/relay.h"
#include "reuse/rules.h"

namespace baton::relay {

using accounts::PromptWarmth;
using runtime::Task;
using Warm = metrics::RelayMetrics::Shard::Warm;

namespace {

constexpr size_t kPackFromBytes = 4 * kKiB;

// With `"max_tokens":0` and unstreamed; nothing when it is not so simple: a budget of thinking must be below
// max_tokens.
struct Warmed {
  std::string body;
  size_t max_tokens_at = 0;
};
std::optional<Warmed> without_output(std::string_view padded_body) {
  http::JsonScanner scanner;
  const auto fields = scanner.scan_object(padded_body);
  if (!fields) return std::nullopt;
  const http::JsonField* most = nullptr;
  const http::JsonField* stream = nullptr;
  for (const http::JsonField& field : **fields) {
    if (field.key == "max_tokens") most = &field;
    if (field.key == "stream") stream = &field;
    const auto value = padded_body.substr(field.begin, field.end - field.begin);
    if (field.key == "thinking" && value.find("\"budget_tokens\"") != value.npos) return std::nullopt;
  }
  if (most == nullptr) return std::nullopt;
  struct Edit {
    size_t begin, end;
    std::string_view text;
  };
  std::vector<Edit> edits{{most->begin, most->end, "0"}};
  if (stream != nullptr) edits.push_back({stream->begin, stream->end, "false"});
  std::ranges::sort(edits, {}, &Edit::begin);
  Warmed out;
  size_t at = 0;
  for (const Edit& edit : edits) {
    out.body.append(padded_body.substr(at, edit.begin - at));
    if (edit.text == "0") out.max_tokens_at = out.body.size();
    out.body.append(edit.text);
    at = edit.end;
  }
  out.body.append(padded_body.substr(at));
  return out;
}

// What things cost of which PromptWarmth wants to know.
PromptWarmth::Use price(const ledger::PriceTable& prices, const Call& call, const model::Usage& usage, WallTime wall) {
  const auto cost = [&](const model::Usage& of) { return prices.cost(call.facts.model, of, wall).value_or(0); };
  const int64_t held = usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
  const bool lasting = call.facts.prompt.prefixes.back().mark == model::CacheMark::k1h;
  const auto tokens = [&](int64_t fresh, int64_t read, int64_t written) {
    model::Usage out{.known = true,
                     .input_tokens = fresh,
                     .cache_creation_input_tokens = written,
                     .cache_read_input_tokens = read,
                     .fast = usage.fast};
    (lasting ? out.cache_creation_1h_input_tokens : out.cache_creation_5m_input_tokens) = written;
    out.tier = usage.tier;
    return cost(out);
  };
  const int64_t written = usage.cache_creation_input_tokens;
  return {.cost = cost(usage),
          .again = tokens(usage.input_tokens, held, 0),
          .saved = tokens(0, 0, held) - tokens(0, held, 0),
          .premium = tokens(0, 0, written) - tokens(written, 0, 0),
          .discount = tokens(written, 0, 0) - tokens(0, written, 0)};
}

uint64_t tenant_of(const Call& call) { return hash64(call.caller.name); }

}  // namespace

bool may_keep_warm(const Call& call) {
  if (call.passthrough || call.caller.proof) return false;
  if (call.caller.key && call.caller.key->rights.cache == auth::CachePolicy::kOff) return false;
  const auto rules = reuse::rules_of(call.exchange.head(), /*temperature_zero=*/false, /*on_by_default=*/true);
  return rules && rules->keep;
}

class KeepWarm::Stream final : public Nobody {
 public:
  Stream(Request request, Waiting what) : Nobody(std::move(request)), waiting(std::move(what)) {}
  Waiting waiting;
};

KeepWarm::KeepWarm(Parts parts)
    : parts_(std::move(parts)),
      waiting_(parts_.loop, [this](Waiting next) { begin(std::move(next)); }),
      server_({.loop = parts_.loop,
               .config = config_,
               .handler = *this,
               .request_bytes = parts_.request_bytes,
               .connections = connections_}) {}

KeepWarm::~KeepWarm() = default;

void KeepWarm::hold(Call& call) {
  if (!enabled() || call.warming != nullptr || call.refreshes || call.wording || call.bound_account) return;
  if (!call.facts.prompt.cacheable() || !may_keep_warm(call)) return;
  if (!parts_.warmth->may_pay(call.facts.prompt, tenant_of(call))) return;
  auto body = plain_body(call);
  if (!body || body->size() > accounts::kWarmBodyBytesMax) return;
  BudgetShare share(parts_.bytes);
  if (!share.resize(body->size())) return parts_.metrics.warm(Warm::kNoRoom);
  body->reserve(body->size() + http::kJsonPadding);
  auto warmed = without_output(*body);
  if (!warmed) return;
  call.warm = std::make_unique<WarmCopy>(WarmCopy{.head = request_head(call, /*plain=*/true),
                                                  .body = std::move(warmed->body),
                                                  .max_tokens_at = warmed->max_tokens_at,
                                                  .peer = call.exchange.peer_address(),
                                                  .client = std::string(call.caller.name),
                                                  .account = {},
                                                  .share = std::move(share)});
}

void KeepWarm::answered(Call& call, const Answer& answer, const model::Usage& usage) {
  if (!enabled() || call.warming != nullptr || !call.facts.prompt.cacheable() || call.wording) return;
  if (usage.cache_read_input_tokens + usage.cache_creation_input_tokens <= 0) return;
  PromptWarmth::Use use;
  if (parts_.budgets != nullptr) use = price(*parts_.budgets->prices(), call, usage, parts_.loop.wall());
  use.tenant = tenant_of(call);
  use.begun = answer.reply.arrived.ns != 0 ? answer.reply.arrived : parts_.loop.now();
  PromptWarmth::News news;
  auto ticket = parts_.warmth->used(call.facts.prompt, use, news);
  parts_.metrics.warmed(news.useful, news.wasted, news.saved);
  parts_.metrics.write_gate({news.left_read, news.left_unread, news.written_read, news.written_unread}, news.gate_saved,
                            news.gate_lost);
  if (!ticket || call.warm == nullptr) return;
  auto copy = std::move(call.warm);
  copy->account = call.outcome.attempts[answer.attempt].account;
  if (copy->body.size() >= kPackFromBytes) {
    if (auto packed = http::encode_whole(http::Coding::kZstd, copy->body)) {
      copy->body = std::move(*packed);
      copy->packed = true;
    }
  }
  copy->body.shrink_to_fit();
  if (!copy->share.resize(copy->head.size() + copy->body.size())) return parts_.metrics.warm(Warm::kNoRoom);
  wait(ticket, std::move(copy));
}

void KeepWarm::wait(PromptWarmth::Ticket ticket, std::unique_ptr<WarmCopy> copy) {
  if (server_.draining()) return;
  if (waiting_.size() >= accounts::kWarmWaitingMax) return parts_.metrics.warm(Warm::kNoRoom);
  waiting_.add(ticket.due, {ticket, std::move(copy)});
}

void KeepWarm::begin(Waiting waiting) {
  if (server_.draining()) return;
  if (server_.open() >= accounts::kWarmCallsMax) return parts_.metrics.warm(Warm::kNoRoom);
  switch (parts_.warmth->due(waiting.ticket, parts_.loop.now())) {
    case PromptWarmth::Next::kGone: return;
    case PromptWarmth::Next::kNoMoney: return parts_.metrics.warm(Warm::kNoMoney);
    case PromptWarmth::Next::kAsk: break;
  }
  const WarmCopy& copy = *waiting.copy;
  std::string body = copy.body;
  if (copy.packed) {
    auto plain =
        http::decode_whole(http::Coding::kZstd, copy.body, {.output_bytes_max = accounts::kWarmBodyBytesMax + kKiB});
    if (!plain) return parts_.metrics.warm(Warm::kFailed);
    body = std::move(*plain);
  }
  if (one_token_) body[copy.max_tokens_at] = '1';
  BudgetShare share(parts_.bytes);
  if (!share.resize(body.size())) {
    (void)parts_.warmth->asked(waiting.ticket, {});
    return parts_.metrics.warm(Warm::kNoRoom);
  }
  Nobody::Request request{.peer = copy.peer, .text = request_text(copy.head, {}, body), .share = std::move(share)};
  parts_.metrics.warm(Warm::kAsked);
  server_.adopt(std::make_unique<Stream>(std::move(request), std::move(waiting)));
}

Task<void> KeepWarm::serve(edge::Exchange& exchange) {
  auto& stream = static_cast<Stream&>(exchange.stream());
  const Instant began = parts_.loop.now();
  Warming warming{.client = stream.waiting.copy->client, .account = stream.waiting.copy->account};
  co_await parts_.relay().serve_warm(exchange, warming);
  ended(std::move(stream.waiting), warming, began);
}

void KeepWarm::ended(Waiting waiting, const Warming& warming, Instant began) {
  const int64_t read = warming.usage.cache_read_input_tokens;
  const bool held = warming.status == 200 && read > 0 && warming.usage.cache_creation_input_tokens < read;
  parts_.metrics.warm_spent(warming.cost);
  if (!held) parts_.metrics.warm(Warm::kFailed);
  // Where max_tokens 0 is not known this was free, and one token does the same.
  if (warming.status == 400 && !one_token_) one_token_ = true;
  auto ticket = parts_.warmth->asked(waiting.ticket, {.begun = began, .cost = warming.cost, .held = held});
  if (ticket) wait(ticket, std::move(waiting.copy));
}

void KeepWarm::cut() {
  waiting_.clear();
  server_.cut();
}

edge::Refusal KeepWarm::refuse(http::HeadError, const Error&, std::string_view) { return {}; }

}  // namespace baton::relay
