#include "accounts/pool.h"

#include <algorithm>

#include "base/check.h"

namespace baton::accounts {

Lease::~Lease() {
  if (pool_ != nullptr) pool_->states_[index_].in_flight.fetch_sub(1, std::memory_order_relaxed);
}

const AccountConfig& Lease::account() const { return pool_->account(index_); }

AccountPool::AccountPool(const std::vector<AccountConfig>& accounts)
    : accounts_(&accounts), states_(new State[accounts.size()]) {
  BATON_CHECK(!accounts.empty() && accounts.size() <= kAccountsMax);
  for (const auto& account : accounts) (account.passthrough ? has_passthrough_ : has_pooled_) = true;
}

std::optional<Lease> AccountPool::pick(const std::vector<AccountIndex>& tried, bool passthrough) {
  const auto count = static_cast<AccountIndex>(size());
  const AccountIndex start = count == 1 ? 0 : turn_.fetch_add(1, std::memory_order_relaxed) % count;
  std::optional<AccountIndex> best;
  double best_load = 0;
  for (AccountIndex step = 0; step < count; ++step) {
    AccountIndex index = (start + step) % count;
    const AccountConfig& one = account(index);
    if (one.passthrough != passthrough || std::find(tried.begin(), tried.end(), index) != tried.end()) continue;
    double load = static_cast<double>(in_flight(index) + 1) / one.weight;
    if (!best || load < best_load) {
      best = index;
      best_load = load;
    }
  }
  if (!best) return std::nullopt;
  return take(*best);
}

std::optional<Lease> AccountPool::take(std::string_view name) {
  for (AccountIndex index = 0; index < size(); ++index) {
    if (account(index).name == name) return take(index);
  }
  return std::nullopt;
}

Lease AccountPool::take(AccountIndex index) {
  states_[index].in_flight.fetch_add(1, std::memory_order_relaxed);
  return Lease(*this, index);
}

}  // namespace baton::accounts
