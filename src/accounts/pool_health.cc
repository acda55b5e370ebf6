// What the pool learns of an account's health from how attempts went.
#include <algorithm>

#include "accounts/pool.h"

namespace baton::accounts {

namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
}  // namespace

bool AccountPool::fit(AccountIndex index, Instant now) const {
  const State& state = states_[index];
  if (account(index).passthrough) return false;
  if (!state.troubled.load(std::memory_order_acquire)) return true;
  std::lock_guard lock(state.mutex);
  return state.duty.load(kRelaxed) == Duty::kOn && !state.health.open() &&
         (state.parked == ParkReason::kNone || state.parked_until <= now);
}

// Called with ejection_mutex_ held.
bool AccountPool::may_eject(AccountIndex index, Instant now) const {
  size_t open = 0, others = 0;
  for (AccountIndex i = 0; i < size(); ++i) {
    if (i == index || account(i).passthrough) continue;
    if (fit(i, now)) ++others;
    std::lock_guard lock(states_[i].mutex);
    if (states_[i].health.open()) ++open;
  }
  return others > 0 && static_cast<double>(open + 1) <= config_.health.ejected_share_max * static_cast<double>(pooled_);
}

// The account has failed without naming a time: others are asked first for a while, longer each time in a row. Nobody
// waits for it to pass, so it is longer than the pause before the same account is asked again.
void AccountPool::shun(State& state, uint32_t before, Instant now) const {
  const BackoffConfig& pause = config_.backoff;
  state.soft_until.store(now + std::min(pause.max, 4 * pause.base * (1 << std::min(before, 10u))), kRelaxed);
  state.troubled.store(true, std::memory_order_release);
}

void AccountPool::learn_health(Lease& lease, const Ended& how, Instant now) {
  State& state = states_[lease.index_];
  const bool troubled = state.troubled.load(std::memory_order_acquire);
  const bool alone = pooled_ == 1;
  switch (how.effect) {
    case Effect::kNothing: return;
    case Effect::kLimited: return;
    case Effect::kServed: {
      if (state.failures.load(kRelaxed) != 0) state.failures.store(0, kRelaxed);
      if (!troubled) return;
      std::lock_guard lock(state.mutex);
      if (lease.probe_ == Probe::kParking || (state.parked == ParkReason::kUnauthorized)) {
        state.parked = ParkReason::kNone;
        state.parked_until = {};
        state.recovered_at = now;
      }
      if (state.health.open()) state.recovered_at = now;
      state.health.succeeded(config_.health, now);
      lease.probe_ = Probe::kNone;
      state.overloads = 0;
      std::erase_if(state.exclusions, [&](const Exclusion& one) { return one.until <= now || one.model == how.model; });
      const bool coming_back = state.recovered_at.ns != 0 && now - state.recovered_at < config_.health.slow_start;
      const bool ill = state.parked != ParkReason::kNone || state.health.open() || state.health.ejections() > 0 ||
                       state.duty.load(kRelaxed) != Duty::kOn;
      state.troubled.store(coming_back || ill || !state.exclusions.empty() || state.soft_until.load(kRelaxed) > now,
                           std::memory_order_release);
      return;
    }
    case Effect::kSpendCap:
    case Effect::kUnauthorized: {
      const bool cap = how.effect == Effect::kSpendCap;
      if (alone && !cap) return;  // its own answer tells the client more than a refusal of ours
      std::lock_guard lock(state.mutex);
      const WallTime wall = clock_.wall();
      state.parked = cap ? ParkReason::kSpendCap : ParkReason::kUnauthorized;
      state.parked_until = cap ? now + (next_month(wall) - wall) : runtime::kNever;
      state.probe_at.store(now + config_.health.probe_interval, kRelaxed);
      state.troubled.store(true, std::memory_order_release);
      return;
    }
    case Effect::kForbidden: {
      if (alone) return;
      std::lock_guard lock(state.mutex);
      std::erase_if(state.exclusions, [&](const Exclusion& one) { return one.until <= now || one.model == how.model; });
      if (state.exclusions.size() >= kExclusionsMax) state.exclusions.erase(state.exclusions.begin());
      state.exclusions.push_back({how.model, now + kExclusionTime});
      state.troubled.store(true, std::memory_order_release);
      return;
    }
    case Effect::kOverloaded: {
      std::lock_guard lock(state.mutex);
      shun(state, state.overloads++, now);
      return;
    }
    case Effect::kFailed: {
      std::lock_guard pool_lock(ejection_mutex_);
      bool ripe = false;
      {
        std::lock_guard lock(state.mutex);
        if (state.health.ejected(now)) return;
        // Successes that needed no lock have ended the row.
        if (!state.health.open() && state.failures.load(kRelaxed) == 0) state.health.succeeded(config_.health, now);
        ripe = state.health.failed(config_.health);
        state.failures.store(state.health.failures(), kRelaxed);
        if (lease.probe_ == Probe::kHealth) lease.probe_ = Probe::kNone;
        shun(state, state.health.failures() - 1, now);
      }
      if (!ripe || !may_eject(lease.index_, now)) return;
      std::lock_guard lock(state.mutex);
      state.health.eject(config_.health, now);
      state.failures.store(0, kRelaxed);
      state.troubled.store(true, std::memory_order_release);
      return;
    }
  }
}

}  // namespace baton::accounts
