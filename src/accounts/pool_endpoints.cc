// What the AccountPool does with the endpoints of its accounts.
#include "accounts/pool.h"

namespace baton::accounts {

Lease AccountPool::take(AccountIndex index, EndpointMask tried, uint64_t conversation, Instant now) {
  states_[index].in_flight.fetch_add(1, std::memory_order_relaxed);
  if (!account(index).passthrough) in_flight_.fetch_add(1, std::memory_order_relaxed);
  Lease lease(*this, index);
  lease.place_ = endpoints_.enter(index, tried, conversation, now);
  return lease;
}

std::optional<Lease> AccountPool::take_elsewhere(AccountIndex index, EndpointMask tried, Instant now) {
  if (!endpoints_.has_other(index, tried, now)) return std::nullopt;
  return take(index, tried, 0, now);
}

// Calls that cost little are no load.
bool AccountPool::full(AccountIndex index, const Ask& ask, Instant now) const {
  return ask.limits != LimitClass::kCountTokens && ask.limits != LimitClass::kOtherOperation &&
         endpoints_.full(index, now);
}

// What an endpoint does, where the account has others, is not the account's. True: nothing is left to learn.
bool AccountPool::learn_endpoint(Lease& lease, const Ended& how, Instant now) {
  switch (how.effect) {
    case Effect::kServed: endpoints_.served(lease.index_, lease.place_, now); return false;
    case Effect::kFailed: return how.stalled || endpoints_.failed(lease.index_, lease.place_, now);
    case Effect::kOverloaded: return endpoints_.overloaded(lease.index_, lease.place_, config_.backoff.max, now);
    default: return false;
  }
}

}  // namespace baton::accounts
