#include "relay/kept.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/content_coding.h"
#include "ledger/row.h"
#include "relay/alike.h"
#include "relay/refresh.h"
#include "relay/seal.h"
#include "reuse/rules.h"

namespace baton::relay {

using model::CacheUse;
using runtime::Task;

namespace {

void book(const Parts& parts, const cache::Change& change) {
  parts.metrics.cache_grew(change.bytes, change.entries);
  parts.metrics.cache_evicted(change.evicted);
  parts.metrics.cache_expired(change.expired);
}

// Nanodollars; 0: not known.
int64_t cost_of(const Parts& parts, const Call& call, const model::Usage& usage) {
  if (parts.budgets == nullptr || !usage.known) return 0;
  return parts.budgets->prices()->cost(call.facts.model, usage, parts.loop.wall()).value_or(0);
}

// Whether this use of a reply in its time is probably its last, and it is worth asking anew before the next one.
bool foresee(const Parts& parts, const Call& call, const reuse::KeptReply& reply) {
  if (parts.foresight == nullptr || parts.refreshes == nullptr) return false;
  const auto advice = parts.foresight->used(reply.key, {.now = parts.loop.now(),
                                                        .since = reply.since,
                                                        .fresh_until = reply.fresh_until,
                                                        .cost = cost_of(parts, call, reply.usage)});
  parts.metrics.foreseen(advice.ask, advice.no_money, advice.useful, advice.wasted);
  return advice.ask;
}

// Where this question comes round it is to be asked ahead of its next time.
void look_ahead(const Parts& parts, const Call& call, const reuse::Digest& digest) {
  if (parts.foresight == nullptr || parts.refreshes == nullptr || call.refreshes) return;
  const auto plan = parts.foresight->asked(digest.key, parts.loop.now(), parts.replies->config().ttl);
  if (plan) parts.refreshes->later(call, *plan);
}

void keep(const Parts& parts, const Call& call, const reuse::Finished& reply) {
  if (!call.keep_as) return;
  const auto change = parts.replies->keep(*call.keep_as, reply, parts.loop.now());
  book(parts, change);
  if (change.stored && parts.shared != nullptr) parts.shared->store(*change.reply, call.shared_point);
  change.stored ? parts.metrics.cache_stored() : parts.metrics.cache_not_stored();
  if (parts.foresight != nullptr && !call.refreshes)
    parts.foresight->spent(cost_of(parts, call, reply.usage), call.keep_as->key);
  if (call.alike) learn_alike(parts, call, reply, change.stored);
}

// The body as it can be read, `decoded` where it came in a coding.
std::optional<std::string_view> readable_body(const Call& call, std::string& decoded) {
  const std::string_view body = call.exchange.body();
  const http::Coding coding = call.client_coding();
  if (coding == http::Coding::kIdentity) return body;
  auto plain = http::decode_whole(coding, body, {.output_bytes_max = reuse::kRequestBytesMax});
  if (!plain) return std::nullopt;
  decoded = std::move(*plain);
  return decoded;
}

// How long ago a reply may have ended that is of any use to this call.
Duration stale_max(const reuse::Rules& rules) {
  return std::max({rules.stale_max, *rules.stale_while_revalidate, *rules.stale_if_error});
}

// What is made of the kept reply that was found, or of none.
std::optional<KeptAnswer> choose(const Parts& parts, Call& call, reuse::Digester& digester, const reuse::Rules& rules,
                                 std::shared_ptr<const reuse::KeptReply> reply) {
  if (reply == nullptr) return find_alike(parts, call, digester, rules);
  const Instant now = parts.loop.now();
  // By its own time, or by what the caller takes for old.
  Duration stale = now - reply->fresh_until;
  if (rules.age_max != Duration::max()) stale = std::max(stale, now - reply->since - rules.age_max);
  const bool fresh = rules.age_max == Duration::max() ? stale < Duration{0} : stale <= Duration{0};
  if (!fresh && stale < *rules.stale_if_error) call.spare = reply;
  const bool as_it_is = fresh || stale < rules.stale_max;
  if (!as_it_is && stale >= *rules.stale_while_revalidate) return find_alike(parts, call, digester, rules);
  auto answer = open_kept(parts, call, std::move(reply));
  if (!answer) return std::nullopt;
  answer->refresh = !as_it_is || (fresh && foresee(parts, call, *answer->reply));
  call.outcome.cache = fresh ? CacheUse::kHit : CacheUse::kStale;
  return answer;
}

}  // namespace

std::optional<std::string> plain_body(const Call& call) {
  std::string decoded;
  const auto body = readable_body(call, decoded);
  if (!body) return std::nullopt;
  return decoded.empty() ? std::string(*body) : std::move(decoded);
}

std::optional<reuse::Digest> digest_body(const Call& call, reuse::Digester& digester, std::string_view body) {
  const auto& head = call.exchange.head();
  std::vector<std::string_view> betas;
  for (const auto& field : head.fields) {
    if (field.id == http::FieldId::kAnthropicBeta) betas.push_back(field.value);
  }
  const auto* version = head.find(http::FieldId::kAnthropicVersion);
  const std::string path = std::string(head.path) + std::string(head.query);
  return digester.digest({.tenant = call.caller.name,
                          .path = path,
                          .version = version != nullptr ? version->value : std::string_view{},
                          .betas = betas,
                          .body = body});
}

std::shared_ptr<const reuse::KeptReply> find_fresh(const Parts& parts, const reuse::Digest& digest) {
  cache::Change change;
  const Instant now = parts.loop.now();
  auto reply = parts.replies->find(digest, now, change);
  book(parts, change);
  return reply != nullptr && now < reply->fresh_until ? reply : nullptr;
}

std::optional<KeptAnswer> open_kept(const Parts& parts, const Call& call,
                                    std::shared_ptr<const reuse::KeptReply> reply) {
  KeptAnswer answer{.reply = std::move(reply), .content = {}, .share = BudgetShare(parts.reply_bytes)};
  if (!answer.share.resize(answer.reply->plain_bytes)) return std::nullopt;
  auto content = reuse::content_as(*answer.reply, call.facts.stream);
  if (!content) return std::nullopt;
  answer.content = std::move(*content);
  return answer;
}

Expected<std::optional<KeptAnswer>> find_kept(const Parts& parts, Call& call, reuse::Digester* digester) {
  if (digester == nullptr || call.route.operation != model::Operation::kMessages) return std::nullopt;
  call.outcome.cache = CacheUse::kOff;
  const auto policy = call.caller.key ? call.caller.key->rights.cache : auth::CachePolicy::kDefault;
  auto rules = reuse::rules_of(call.exchange.head(), call.facts.temperature_zero, policy == auth::CachePolicy::kOn);
  if (!rules) return std::unexpected(rules.error());
  // A caller's own credential is another customer at the vendor, who is not known here.
  if (!rules->any() || call.passthrough || policy == auth::CachePolicy::kOff) return std::nullopt;
  std::string decoded;
  const auto body = readable_body(call, decoded);
  auto digest = body ? digest_body(call, *digester, *body) : std::nullopt;
  if (!digest) return std::nullopt;
  call.outcome.cache = call.refreshes ? CacheUse::kRefresh : CacheUse::kMiss;
  if (rules->keep) call.keep_as = digest;
  call.purges = parts.replies->purges();
  if (parts.shared != nullptr) call.shared_point = parts.shared->point();
  call.may_join = call.refreshes;
  if (!rules->look) return std::nullopt;
  call.may_join = rules->age_max > Duration{0};
  const auto allowed =
      reuse::stale_allowed(parts.replies->config(), call.facts.model, call.caller.name, call.outcome.team);
  if (!rules->stale_while_revalidate) rules->stale_while_revalidate = allowed.while_revalidate;
  if (!rules->stale_if_error) rules->stale_if_error = allowed.if_error;
  if (rules->keep) look_ahead(parts, call, *digest);
  cache::Change change;
  const Instant now = parts.loop.now();
  auto reply = parts.replies->find(*digest, now, change, stale_max(*rules));
  book(parts, change);
  if (parts.shared != nullptr && (reply == nullptr || now >= reply->fresh_until) && parts.shared->up()) {
    call.asked.emplace(*digest, *rules);
    return std::nullopt;
  }
  return choose(parts, call, *digester, *rules, std::move(reply));
}

Task<std::optional<KeptAnswer>> find_shared(const Parts& parts, Call& call, reuse::Digester& digester) {
  const Asked asked = *call.asked;
  auto reply = co_await parts.shared->find(asked.digest);
  if (reply != nullptr) {
    adopt(parts, call, reply);
  } else {
    cache::Change change;
    reply = parts.replies->find(asked.digest, parts.loop.now(), change, stale_max(asked.rules));
    book(parts, change);
  }
  co_return choose(parts, call, digester, asked.rules, std::move(reply));
}

void adopt(const Parts& parts, const Call& call, std::shared_ptr<const reuse::KeptReply> reply) {
  book(parts, parts.replies->adopt(std::move(reply), call.purges, parts.loop.now()));
}

bool fits(const Parts& parts, const Call& call, const reuse::KeptReply& reply) {
  return call.asked && parts.loop.now() - reply.since <= call.asked->rules.age_max;
}

bool stands_in(const Call& call, const Error& error) {
  if (call.spare == nullptr || call.exchange.replied() || error.code == ErrorCode::kCancelled) return false;
  return error.fault == Fault::kUpstream || error.fault == Fault::kAccount || error.code == ErrorCode::kNoAccount;
}

Task<Expected<void>> deliver_spare(const Parts& parts, Call& call, Error error) {
  auto answer = open_kept(parts, call, std::move(call.spare));
  if (!answer) co_return std::unexpected(std::move(error));
  call.outcome.cache = CacheUse::kStale;
  co_return co_await deliver_kept(parts, call, std::move(*answer));
}

Task<bool> deliver_spare_for(const Parts& parts, Call& call, Answer& failed) {
  if (call.spare == nullptr || (failed.status != 429 && failed.status < 500)) co_return false;
  auto answer = open_kept(parts, call, std::move(call.spare));
  if (!answer) co_return false;
  failed.reply.finish(*failed.way.connections, failed.whole || failed.reply.body.done());
  call.outcome.cache = CacheUse::kStale;
  (void)co_await deliver_kept(parts, call, std::move(*answer));
  co_return true;
}

void book_reused(const Parts& parts, Call& call, const model::Usage& usage) {
  call.outcome.reused = true;
  call.outcome.usage = usage;
  if (parts.budgets == nullptr) return;
  call.outcome.saved_nanodollars = ledger::saved_by_reuse(call.outcome, *parts.budgets->prices());
}

void append_cache_fields(std::string& fields, const Call& call) {
  if (call.outcome.cache == CacheUse::kNone) return;
  fields.append("baton-cache: ").append(name(call.outcome.cache)).append("\r\n");
  if (call.outcome.cache == CacheUse::kSimilar)
    fields.append(fmt::format("baton-cache-similarity: {:.3f}\r\n", call.alike->found.similarity));
  if (call.keep_as) fields.append("baton-cache-key: ").append(reuse::key_text(call.keep_as->key)).append("\r\n");
}

Task<Expected<void>> deliver_kept(const Parts& parts, Call& call, KeptAnswer answer) {
  edge::Exchange& exchange = call.exchange;
  std::string fields = call.facts.stream
                           ? "content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
                           : "content-type: application/json\r\n";
  if (!answer.reply->request_id.empty()) fields.append("request-id: ").append(answer.reply->request_id).append("\r\n");
  fields.append("baton-request-id: ").append(call.request_id()).append("\r\n");
  append_cache_fields(fields, call);
  const Duration age = parts.loop.now() - answer.reply->since;
  fields.append("baton-cache-age: ")
      .append(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age).count()))
      .append("\r\n");
  book_reused(parts, call, answer.reply->usage);
  if (const int64_t saved = call.outcome.saved_nanodollars; saved > 0)
    fields.append("baton-cache-saved: ").append(ledger::dollars_text(saved).substr(1)).append("\r\n");
  seal(parts, call, 200);
  exchange.release_request();
  auto sent = co_await exchange.reply(200, fields, answer.content);
  if (!sent) {
    call.outcome.ending = model::Ending::kClientGone;
    exchange.abort();
  }
  co_return Expected<void>{};
}

Recording::Recording(const Parts& parts, const Call& call, const Answer& answer)
    : parts_(parts),
      on_(call.keep_as && answer.status == 200 && answer.event_stream && answer.follower &&
          answer.coding == http::Coding::kIdentity),
      share_(parts.reply_bytes) {
  if (on_) take(answer.first_content());
}

void Recording::take(std::string_view bytes) {
  if (!on_) return;
  const size_t wanted = bytes_.size() + bytes.size();
  const size_t room = std::max<size_t>(
      4 * kKiB, bytes_.capacity() < wanted ? std::max(wanted, 2 * bytes_.capacity()) : bytes_.capacity());
  if (wanted > parts_.replies->content_bytes_max() || (share_.held() < room && !share_.resize(room))) {
    on_ = false;
    std::string().swap(bytes_);
    share_.release();
    parts_.metrics.cache_not_stored();
    return;
  }
  bytes_.reserve(room);
  bytes_.append(bytes);
}

void Recording::keep(const Call& call, const stream::ReplyFacts& facts, std::string_view upstream_request_id) {
  if (!on_ || !facts.message_stop || facts.error_event || facts.unread > 0) return;
  relay::keep(parts_, call,
              {.content = bytes_,
               .events = true,
               .stop_reason = facts.stop_reason,
               .request_id = upstream_request_id,
               .usage = facts.usage,
               .tenant = call.caller.name,
               .tags = call.outcome.tags,
               .purges = call.purges});
}

void keep_message(const Parts& parts, const Call& call, const Answer& answer) {
  if (!call.keep_as || !answer.whole || answer.status != 200 || answer.event_stream ||
      answer.coding != http::Coding::kIdentity)
    return;
  relay::keep(parts, call,
              {.content = answer.content,
               .events = false,
               .stop_reason = answer.stop_reason,
               .request_id = call.outcome.upstream_request_id,
               .usage = call.outcome.attempts[answer.attempt].usage,
               .tenant = call.caller.name,
               .tags = call.outcome.tags,
               .purges = call.purges});
}

}  // namespace baton::relay
