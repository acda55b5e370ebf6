// What an AccountPool hands over and takes back.
#include "accounts/pool_memory.h"

#include <algorithm>
#include <map>

#include "accounts/pool.h"
#include "accounts/waiting_room.h"
#include "base/digest.h"

namespace baton::accounts {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Tells whether credential and address are those of before; says too little of the credential to guess it by.
std::string identity_of(const AccountConfig& account) {
  const std::string both = account.base_url + "\n" + std::string(account.key.reveal());
  return hex(sha256(both)).substr(0, 8);
}

std::string_view domain_of(const AccountConfig& account) {
  return account.limit_domain.empty() ? account.name : account.limit_domain;
}

// From the steady clock to the calendar and back.
struct Calendar {
  Instant now;
  WallTime wall;
  WallTime at(Instant time) const { return wall + std::chrono::duration_cast<std::chrono::milliseconds>(time - now); }
  Instant at(WallTime time) const { return now + (time - wall); }
  // A time that lies ahead, but not so far that a clock must have been wrong.
  std::optional<Instant> ahead(const std::optional<WallTime>& time) const {
    if (!time || *time <= wall || *time - wall > kWaitMax) return std::nullopt;
    return at(*time);
  }
};

}  // namespace

void AccountPool::set_duty(AccountIndex index, Duty duty, std::string_view reason, Instant now) {
  State& state = states_[index];
  {
    std::lock_guard pool_lock(ejection_mutex_);
    std::lock_guard lock(state.mutex);
    state.duty_reason = duty == Duty::kOn ? std::string_view() : reason.substr(0, kReasonBytesMax);
    const Duty was = state.duty.exchange(duty, kRelaxed);
    if (duty == Duty::kOn) {
      state.parked = ParkReason::kNone;
      state.parked_until = {};
      state.health = {};
      state.failures.store(0, kRelaxed);
      state.soft_until.store({}, kRelaxed);
      state.exclusions.clear();
    }
    const bool back = duty == Duty::kOn && was != Duty::kOn;
    if (back) state.recovered_at = now;  // its share grows from now on
    state.troubled.store(back || duty != Duty::kOn, std::memory_order_release);
    if (duty != Duty::kOn) return;
  }
  if (waiting() > 0) room_->serve(now);
}

PoolMemory AccountPool::save(Instant now) const {
  const Calendar calendar{now, clock_.wall()};
  PoolMemory memory{.saved = calendar.wall};
  std::vector<bool> seen(domains_.size(), false);
  for (AccountIndex index = 0; index < size(); ++index) {
    const AccountConfig& config = account(index);
    const State& state = states_[index];
    auto& one = memory.accounts.emplace_back(PoolMemory::Account{.name = config.name, .identity = identity_of(config)});
    {
      std::lock_guard lock(state.mutex);
      one.duty = state.duty.load(kRelaxed);
      one.reason = state.duty_reason;
      if (state.parked != ParkReason::kNone && state.parked_until > now) {
        one.parked = state.parked;
        if (state.parked_until != runtime::kNever) one.parked_until = calendar.at(state.parked_until);
      }
      if (state.health.open()) one.ejected_until = calendar.at(state.health.until());
      one.ejections = state.health.ejections();
      for (const Exclusion& excluded : state.exclusions) {
        if (excluded.until > now) one.exclusions.push_back({excluded.model, calendar.at(excluded.until)});
      }
    }
    if (config.passthrough || seen[state.domain]) continue;
    seen[state.domain] = true;
    const Domain& domain = *domains_[state.domain];
    std::lock_guard lock(domain.mutex);
    for (size_t i = 0; i < kLimitClasses; ++i) {
      const Allowance& allowance = domain.classes[i];
      if (allowance.idle(now)) continue;
      auto& limits = memory.limits.emplace_back(
          PoolMemory::Limits{.domain = std::string(domain_of(config)), .limits = static_cast<LimitClass>(i)});
      if (allowance.benched_until() > now) limits.benched_until = calendar.at(allowance.benched_until());
      for (size_t meter = 0; meter < 3; ++meter) {
        limits.limit[meter] = allowance.meter(meter).limit();
        limits.level[meter] = allowance.meter(meter).level(now);
      }
    }
  }
  for (const Bindings::Bound& bound : bindings_.latest(kRememberedMax)) {
    memory.bindings.push_back({bound.key, bound.account, calendar.at(bound.used)});
  }
  return memory;
}

void AccountPool::restore(const PoolMemory& memory, Instant now) {
  const Calendar calendar{now, clock_.wall()};
  std::vector<std::optional<AccountIndex>> here(memory.accounts.size());
  std::vector<bool> known(size(), false);
  std::map<std::string_view, bool> same_domain;
  for (size_t i = 0; i < memory.accounts.size(); ++i) {
    const PoolMemory::Account& one = memory.accounts[i];
    here[i] = find(one.name);
    if (!here[i]) continue;
    const AccountConfig& config = account(*here[i]);
    State& state = states_[*here[i]];
    std::lock_guard lock(state.mutex);
    state.duty.store(one.duty, kRelaxed);
    state.duty_reason = one.reason.substr(0, kReasonBytesMax);
    const bool same = one.identity == identity_of(config) && !config.passthrough;
    if (same) {
      known[*here[i]] = true;
      same_domain[domain_of(config)] = true;
      const auto parked_until = calendar.ahead(one.parked_until);
      const bool kept_out = one.parked == ParkReason::kSpendCap || (one.parked != ParkReason::kNone && pooled_ > 1);
      if (kept_out && (parked_until || !one.parked_until)) {
        state.parked = one.parked;
        state.parked_until = parked_until.value_or(runtime::kNever);
        state.probe_at.store(now + config_.health.probe_interval, kRelaxed);
      }
      if (one.ejected_until) state.health.restore(one.ejections, calendar.ahead(one.ejected_until).value_or(now));
      for (const PoolMemory::Exclusion& excluded : one.exclusions) {
        const auto until = calendar.ahead(excluded.until);
        if (until && pooled_ > 1 && state.exclusions.size() < kExclusionsMax)
          state.exclusions.push_back({excluded.model, *until});
      }
    }
    state.troubled.store(
        one.duty != Duty::kOn || state.parked != ParkReason::kNone || state.health.open() || !state.exclusions.empty(),
        std::memory_order_release);
  }
  for (AccountIndex index = 0; pooled_ > 1 && !same_domain.empty() && index < size(); ++index) {
    if (account(index).passthrough || known[index]) continue;
    State& state = states_[index];
    std::lock_guard lock(state.mutex);
    state.recovered_at = now;
    state.troubled.store(true, std::memory_order_release);
  }
  for (const PoolMemory::Limits& one : memory.limits) {
    if (!same_domain.contains(one.domain)) continue;
    for (AccountIndex index = 0; index < size(); ++index) {
      if (account(index).passthrough || domain_of(account(index)) != one.domain) continue;
      Domain& domain = *domains_[states_[index].domain];
      const auto limits = static_cast<size_t>(one.limits);
      std::lock_guard lock(domain.mutex);
      Allowance& allowance = domain.classes[limits];
      allowance.restore(one.limit, one.level, std::min(now, calendar.at(memory.saved)));
      if (auto until = calendar.ahead(one.benched_until)) allowance.bench(*until);
      domain.active[limits].store(!allowance.idle(now), std::memory_order_release);
      break;
    }
  }
  for (const PoolMemory::Binding& bound : memory.bindings) {
    if (bound.account >= here.size() || !here[bound.account]) continue;
    const Instant used = std::min(now, calendar.at(bound.used));
    if (now - used < config_.affinity.ttl) bindings_.bind(bound.conversation, *here[bound.account], used);
  }
}

void AccountPool::follow(const AccountPool& before, Instant now) {
  forecast_.follow(before.forecast_);
  cache_minimum_.follow(before.cache_minimum_);
  std::vector<std::optional<CacheDomain>> caches(before.cache_domains_);
  for (AccountIndex from = 0; from < before.size(); ++from) {
    const AccountConfig& theirs = before.account(from);
    const auto index = find(theirs.name);
    if (!index || account(*index).passthrough || theirs.passthrough) continue;
    if (identity_of(theirs) != identity_of(account(*index))) continue;
    endpoints_.follow(*index, before.endpoints_, from);
    const Duration half_life = config_.affinity.load_half_life;
    states_[*index].load.add(before.states_[from].load.at(now, before.config_.affinity.load_half_life), now, half_life);
    caches[before.states_[from].cache_domain] = states_[*index].cache_domain;
  }
  if (beliefs_ && before.beliefs_) beliefs_->follow(*before.beliefs_, caches, now);
}

}  // namespace baton::accounts
