#include "relay/seek.h"

#include <algorithm>

#include "accounts/backoff.h"
#include "base/hash.h"
#include "relay/deadline.h"

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
  ask_.tenant = call.caller.name;
  ask_.model = call.facts.model.empty() ? 0 : hash64(call.facts.model);
  ask_.limits = accounts::limit_class(call.route.operation, call.facts.model);
  ask_.passthrough = call.passthrough;
  ask_.patient = smoothed_;
  ask_.repeatable = call.repeatable();
  if (!messages || call.passthrough) return;
  ask_.need =
      parts.accounts.forecast().expect(ask_.tenant, ask_.limits, call.exchange.body().size(), call.facts.max_tokens);
  if (parts.accounts.has_affinity()) ask_.affinity = conversation(call);
  deadline_ = call.until;
  if (auto patience = client_patience(call.exchange.head()))
    deadline_ = std::min(deadline_, call.exchange.started() + *patience);
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

Task<Expected<Lease>> Seeker::first() {
  if (call_.bound_account) {
    const auto index = parts_.accounts.find(*call_.bound_account);
    if (!index)
      co_return fail(ErrorCode::kNoAccount, Fault::kUs,
                     "The account that made this object is not configured any more.");
    // What has its own place is asked for there, whatever is known of the account, unless the operator said no.
    const bool parked = parts_.accounts.duty(*index) == accounts::Duty::kParked;
    if (!smoothed_ && !parked) co_return parts_.accounts.take(*index);
    ask_.only = *index;
    ask_.affinity = 0;
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
  if (!got) {
    parts_.metrics.queue_unserved(label(got.error().reason));
    co_return refused(got.error());
  }
  parts_.metrics.queue_served(waited);
  co_return taken(std::move(*got));
}

}  // namespace baton::relay
