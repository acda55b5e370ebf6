#include "relay/seek.h"

#include <algorithm>

#include "accounts/backoff.h"
#include "base/hash.h"
#include "relay/prompt_ask.h"
#include "runtime/wait.h"

namespace baton::relay {

using accounts::AccountIndex;
using accounts::Lease;
using accounts::RefusalReason;
using runtime::Task;
using Shard = metrics::RelayMetrics::Shard;

namespace {

Shard::Unserved label(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kNoAccount: return Shard::Unserved::kNoAccount;
    case RefusalReason::kTooLate: return Shard::Unserved::kTooLate;
    case RefusalReason::kQueueFull: return Shard::Unserved::kQueueFull;
    case RefusalReason::kCancelled: return Shard::Unserved::kCancelled;
  }
  return Shard::Unserved::kNoAccount;
}

// Conversations are of one caller.
uint64_t conversation(const Call& call) {
  const auto* session = call.exchange.head().find("x-claude-code-session-id");
  const uint64_t own = session != nullptr ? hash64(session->value) : call.facts.conversation;
  return own == 0 ? 0 : hash64(call.caller.name, own);
}

}  // namespace

Seeker::Seeker(const Parts& parts, Call& call) : parts_(parts), call_(call) {
  const bool messages = call.route.operation == model::Operation::kMessages;
  smoothed_ = messages && !call.passthrough && parts.accounts.config().queue.max_wait.count() > 0;
  ask_.tenant = call.outcome.team.empty() ? std::string_view(call.caller.name) : call.outcome.team;
  if (const auth::ClientKey* key = call.caller.key.get()) {
    ask_.share = auth::share_of(key->rights.priority);
    ask_.priority = auth::rank_of(key->rights.priority);
    if (auth::limits_accounts(key->rights)) {
      for (AccountIndex i = 0; i < parts.accounts.size(); ++i) {
        const accounts::AccountConfig& account = parts.accounts.account(i);
        allowed_.push_back(auth::allows_account(key->rights, account.name, account.group));
      }
      ask_.allowed = allowed_;
    }
  }
  ask_.passthrough = call.passthrough;
  ask_.patient = smoothed_;
  ask_.repeatable = call.repeatable();
  const accounts::Routes& routes = parts.accounts.routes();
  if (routes.any() && !call.passthrough && !call.bound_account) {
    ask_.chain = routes.find(call.facts.model, call.caller.name, call.outcome.team);
    ask_.group_until = parts.loop.now() + parts.accounts.config().queue.group_patience;
  }
  ask_for(call.facts.model);
  if (!messages || call.passthrough) return;
  if (parts.accounts.has_affinity()) ask_.affinity = conversation(call);
  if (const auto prompt = prompt_ask(parts.accounts, call); ask_.affinity != 0) {
    ask_.prompt = prompt.prompt;
    ask_.cache_tokens_min = prompt.cache_tokens_min;
  }
  deadline_ = call.until;
  if (call.patience) deadline_ = std::min(deadline_, call.exchange.started() + *call.patience);
}

void Seeker::ask_for(std::string_view model) {
  tried_.clear();
  ask_.tried = {};
  ask_.rank_from = 0;
  ask_.prompt = nullptr;  // of another model nothing is believed
  ask_.model = model.empty() ? 0 : hash64(model);
  ask_.limits = accounts::limit_class(call_.route.operation, model);
  if (call_.route.operation == model::Operation::kMessages && !call_.passthrough)
    ask_.need = parts_.accounts.forecast().expect(call_.caller.name, ask_.limits, call_.exchange.body().size(),
                                                  call_.facts.max_tokens);
}

Instant Seeker::until() const {
  const Instant now = parts_.loop.now();
  const Duration left = std::max(parts_.accounts.config().queue.max_wait - waited_, Duration{0});
  return std::min(now + left, deadline_ - parts_.accounts.forecast().first_byte(ask_.limits));
}

Expected<Lease> Seeker::taken(Lease lease) {
  switch (lease.home()) {
    case accounts::Home::kNone: break;
    case accounts::Home::kNew: parts_.metrics.affinity(Shard::Affinity::kNew); break;
    case accounts::Home::kKept: parts_.metrics.affinity(Shard::Affinity::kKept); break;
    case accounts::Home::kMoved: parts_.metrics.affinity(Shard::Affinity::kMoved); break;
  }
  return lease;
}

std::unexpected<Error> Seeker::refused(const accounts::Refusal& refusal) {
  if (refusal.reason == RefusalReason::kCancelled)
    return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
  if (refusal.at == runtime::kNever)
    return fail(ErrorCode::kNoAccount, Fault::kUs, "No account is configured for this call.");
  call_.retry_at = refusal.at;
  return fail(ErrorCode::kNoAccount, Fault::kUs, "No account can take this call in time.", Retry::kLater);
}

Task<Expected<void>> Seeker::follow() {
  const Instant began = parts_.loop.now();
  const Instant most = std::min(began + parts_.accounts.config().affinity.leader_wait, until());
  auto& writes = parts_.accounts.prompt_writes();
  while (true) {
    auto joined = parts_.accounts.join_write(ask_, parts_.loop, parts_.loop.now());
    call_.lead = std::move(joined.lead);
    if (!joined.follower) break;
    while (!joined.follower->woken && parts_.loop.now() < most && !call_.cancel().cancelled()) {
      co_await runtime::wait(parts_.loop, {.cancel = &call_.cancel(), .until = most, .slot = &joined.follower->slot});
    }
    const bool late = !joined.follower->woken;
    if (late) writes.leave(joined.follower);
    if (call_.cancel().cancelled()) co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
    parts_.metrics.affinity_followed(late);
    if (late) break;
  }
  waited_ += parts_.loop.now() - began;
  co_return Expected<void>{};
}

Task<Expected<Lease>> Seeker::first() {
  if (call_.bound_account) {
    const auto index = parts_.accounts.find(*call_.bound_account);
    if (!index)
      co_return fail(ErrorCode::kNoAccount, Fault::kUs,
                     "The account that made this object is not configured any more.");
    if (!allowed_.empty() && allowed_[*index] == 0)
      co_return fail(ErrorCode::kForbidden, Fault::kClient,
                     "This object belongs to an account that the key " + call_.caller.key->name + " is not for.");
    // What has its own place (an object, not a prompt that it would be good to keep warm) is asked for there, whatever
    // is known of the account, unless the operator said no.
    const bool parked = parts_.accounts.duty(*index) == accounts::Duty::kParked;
    if (!smoothed_ && !parked && call_.warming == nullptr) co_return parts_.accounts.take(*index);
    ask_.only = *index;
    ask_.affinity = 0;
  }
  if (ask_.prompt != nullptr && ask_.affinity != 0 && parts_.accounts.config().affinity.leader_wait.count() > 0) {
    if (auto followed = co_await follow(); !followed) co_return std::unexpected(followed.error());
  }
  const bool queued = smoothed_ && parts_.accounts.waiting() > 0;
  if (!queued) {
    auto admission = parts_.accounts.admit(ask_, parts_.loop.now());
    if (admission.lease) co_return taken(std::move(*admission.lease));
    if (!smoothed_) {
      parts_.metrics.queue_unserved(Shard::Unserved::kNoAccount);
      co_return refused({RefusalReason::kNoAccount, admission.at});
    }
  }
  co_return co_await wait();
}

std::optional<Lease> Seeker::other() {
  ask_.tried = tried_;
  ask_.tried_from = runtime::kNever;
  auto admission = parts_.accounts.admit(ask_, parts_.loop.now());
  if (!admission.lease) return std::nullopt;
  auto lease = taken(std::move(*admission.lease));
  return std::move(*lease);
}

std::optional<Lease> Seeker::beside(AccountIndex first) {
  std::vector<AccountIndex> excluded = tried_;
  excluded.push_back(first);
  accounts::Ask ask = ask_;
  ask.tried = excluded;
  ask.tried_from = runtime::kNever;
  ask.affinity = 0;
  ask.patient = false;
  return std::move(parts_.accounts.admit(ask, parts_.loop.now()).lease);
}

std::optional<Lease> Seeker::later_group() {
  if (ask_.chain == nullptr) return std::nullopt;
  uint8_t last = ask_.rank_from;
  for (AccountIndex index : tried_) last = std::max(last, ask_.chain->rank[parts_.accounts.group(index)]);
  if (last + 1 >= ask_.chain->length) return std::nullopt;
  ask_.rank_from = static_cast<uint8_t>(last + 1);
  return other();
}

bool Seeker::may_wait(const accounts::Verdict& verdict) {
  if (!smoothed_) return false;
  const Instant now = parts_.loop.now();
  ask_.tried = tried_;
  ask_.tried_from = runtime::kNever;
  if (verdict.wait == accounts::Wait::kAccount) ask_.tried = {};  // their benches say when
  if (verdict.wait == accounts::Wait::kBackoff)
    ask_.tried_from = now + accounts::backoff(parts_.accounts.config().backoff, pauses_++, parts_.random);
  return parts_.accounts.earliest(ask_, now) <= until();
}

Task<Expected<Lease>> Seeker::wait() {
  metrics::Held waiting = parts_.metrics.call_waiting();
  const Instant began = parts_.loop.now();
  auto got = co_await parts_.accounts.acquire(parts_.loop, call_.cancel(), ask_, until());
  const Duration waited = parts_.loop.now() - began;
  waited_ += waited;
  if (call_.outcome.trace.sampled && call_.outcome.waits.size() < model::kAttemptsMax)
    call_.outcome.waits.push_back({.began = began - call_.began, .took = waited, .served = got.has_value()});
  if (!got) {
    parts_.metrics.queue_unserved(label(got.error().reason));
    co_return refused(got.error());
  }
  parts_.metrics.queue_served(waited);
  co_return taken(std::move(*got));
}

}  // namespace baton::relay
