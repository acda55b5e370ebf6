// AccountPool: the accounts that the operator owns, and who has how much in flight. pick() gives the account with the
// least in flight by weight among those not yet tried; equals take turns. Life: one per process, made in app/, outlives
// every Call. Thread: any (per-account atomics). Bounds: kAccountsMax accounts, O(accounts) per pick, no allocation.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "accounts/config.h"

namespace baton::accounts {

inline constexpr size_t kAccountsMax = 1024;
using AccountIndex = uint32_t;

class AccountPool;

// A call's hold on an account; it counts as in flight until the Lease goes.
class Lease {
 public:
  Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_) {}
  Lease& operator=(Lease&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(index_, other.index_);
    return *this;
  }
  ~Lease();
  AccountIndex index() const { return index_; }
  const AccountConfig& account() const;

 private:
  friend class AccountPool;
  Lease(AccountPool& pool, AccountIndex index) : pool_(&pool), index_(index) {}
  AccountPool* pool_;
  AccountIndex index_;
};

class AccountPool {
 public:
  // Borrows the accounts for its life. At least one.
  explicit AccountPool(const std::vector<AccountConfig>& accounts);

  // Nothing when every account is in `tried`. Passthrough accounts are only picked for callers that bring a credential
  // of their own: `passthrough` says which kind is wanted; a call never crosses from one kind to the other.
  std::optional<Lease> pick(const std::vector<AccountIndex>& tried, bool passthrough);
  // This account and no other, for calls on an object that it made. Nothing when there is no such account.
  std::optional<Lease> take(std::string_view name);
  Lease take(AccountIndex index);

  const AccountConfig& account(AccountIndex index) const { return (*accounts_)[index]; }
  size_t size() const { return accounts_->size(); }
  int64_t in_flight(AccountIndex index) const { return states_[index].in_flight.load(std::memory_order_relaxed); }
  bool has_passthrough() const { return has_passthrough_; }
  bool has_pooled() const { return has_pooled_; }

 private:
  friend class Lease;
  struct alignas(64) State {
    std::atomic<int64_t> in_flight{0};
  };
  const std::vector<AccountConfig>* accounts_;
  std::unique_ptr<State[]> states_;
  std::atomic<uint32_t> turn_{0};
  bool has_passthrough_ = false;
  bool has_pooled_ = false;
};

}  // namespace baton::accounts
