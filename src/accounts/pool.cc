#include "accounts/pool.h"

#include <algorithm>
#include <map>
#include <string>

#include "accounts/prompt_cost.h"
#include "accounts/waiting_room.h"
#include "base/check.h"

namespace baton::accounts {

namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr Duration kLongWindow = std::chrono::minutes(2);  // longer than a bucket of a minute takes to fill
}  // namespace

Lease::~Lease() {
  if (pool_ != nullptr) pool_->release(*this);
}

const AccountConfig& Lease::account() const { return pool_->account(index_); }

void Lease::settle(const Need& used, Instant now) {
  if (outlook_.charged > 0) {
    const double more = used.input_tokens - std::exchange(outlook_.charged, 0);
    pool_->states_[index_].load.add(more, now, pool_->config_.affinity.load_half_life);
  }
  if (!held_.open) return;
  auto& domain = *pool_->domains_[pool_->states_[index_].domain];
  std::lock_guard lock(domain.mutex);
  domain.classes[static_cast<size_t>(limits_)].settle(held_, used, now);
}

AccountPool::AccountPool(const Config& config, const runtime::Clock& clock)
    : config_(config),
      clock_(clock),
      states_(new State[config.accounts.size()]),
      retry_budget_(config.retry_budget),
      bindings_(config.affinity.ttl),
      policy_(parse_affinity_policy(config.affinity.policy).value_or(AffinityPolicy::kCost)),
      endpoints_(config),
      room_(std::make_unique<WaitingRoom>(*this, config.queue)) {
  BATON_CHECK(!config.accounts.empty() && config.accounts.size() <= kAccountsMax);
  std::map<std::string_view, uint32_t> by_name;
  std::map<std::string_view, CacheDomain> caches;
  for (AccountIndex index = 0; index < size(); ++index) {
    const AccountConfig& one = account(index);
    const std::string_view name = one.limit_domain.empty() ? one.name : one.limit_domain;
    auto [found, added] = by_name.emplace(name, static_cast<uint32_t>(domains_.size()));
    if (added || one.passthrough) {
      if (!added) found->second = static_cast<uint32_t>(domains_.size());
      domains_.push_back(std::make_unique<Domain>());
    }
    states_[index].domain = found->second;
    Domain& domain = *domains_[found->second];
    if (one.passthrough) continue;
    ++pooled_;
    states_[index].cache_domain =
        caches.emplace(one.cache_domain.empty() ? one.name : one.cache_domain, caches.size()).first->second;
    weight_ += one.weight;
    if (!added) continue;
    for (size_t i = 0; i < kLimitClasses; ++i) {
      const auto limits = static_cast<LimitClass>(i);
      if (limits == LimitClass::kCountTokens || limits == LimitClass::kOtherOperation) continue;
      domain.classes[i].set_ceilings(static_cast<double>(one.requests_per_minute),
                                     static_cast<double>(one.input_tokens_per_minute),
                                     static_cast<double>(one.output_tokens_per_minute));
      domain.active[i].store(domain.classes[i].metered(), kRelaxed);
    }
  }
  cache_domains_ = static_cast<CacheDomain>(caches.size());
  look_at_prompts();
}

AccountPool::~AccountPool() = default;

size_t AccountPool::waiting() const { return room_->size(); }

runtime::Task<std::expected<Lease, Refusal>> AccountPool::acquire(runtime::Loop& loop, runtime::Cancellation& cancel,
                                                                  Ask ask, Instant until) {
  return room_->wait(loop, cancel, ask, until);
}

std::optional<AccountIndex> AccountPool::find(std::string_view name) const {
  for (AccountIndex index = 0; index < size(); ++index) {
    if (account(index).name == name) return index;
  }
  return std::nullopt;
}

// What stands against an account, before its limits are asked.
struct AccountPool::Standing {
  Instant at{};  // not before; kNever: not at all
  Probe probe = Probe::kNone;
  bool soft = false;     // others first
  bool ejected = false;  // nothing but its health stands against it
  double share = 1;      // of its weight, while it comes back
};

AccountPool::Standing AccountPool::standing(AccountIndex index, const Ask& ask, Instant now) const {
  const State& state = states_[index];
  Standing result{.at = now};
  if (std::find(ask.tried.begin(), ask.tried.end(), index) != ask.tried.end())
    result.at = std::max(now, ask.tried_from);
  if (result.at == runtime::kNever || !state.troubled.load(std::memory_order_acquire)) return result;
  const Duty duty = state.duty.load(kRelaxed);
  if (duty == Duty::kParked || (duty == Duty::kDraining && !ask.only)) {
    result.at = runtime::kNever;
    return result;
  }
  result.soft = state.soft_until.load(kRelaxed) > now;
  std::lock_guard lock(state.mutex);
  for (const Exclusion& one : state.exclusions) {
    if (one.model == ask.model && one.until > now) result.at = std::max(result.at, one.until);
  }
  if (state.parked != ParkReason::kNone && state.parked_until > now) {
    const Instant probe_at = state.probe_at.load(kRelaxed);
    const bool probed = state.parked == ParkReason::kUnauthorized && ask.repeatable;
    if (probed && probe_at <= now && result.at <= now) {
      result.probe = Probe::kParking;
    } else {
      result.at = std::max(result.at, probed ? probe_at : state.parked_until);
    }
    return result;
  }
  if (state.health.ejected(now)) {
    result.ejected = result.at <= now;
    result.at = std::max(result.at, state.health.until());
  } else if (state.health.half_open(now)) {
    if (state.health.probing() || !ask.repeatable) {
      result.ejected = result.at <= now;
      result.at = std::max(result.at, now + std::chrono::seconds(1));
    } else if (result.at <= now) {
      result.probe = Probe::kHealth;
    }
  } else if (state.recovered_at.ns != 0 && now - state.recovered_at < config_.health.slow_start) {
    result.share = std::clamp(seconds(now - state.recovered_at) / seconds(config_.health.slow_start), 0.1, 1.0);
  }
  return result;
}

struct AccountPool::Candidate {
  AccountIndex index = 0;
  uint32_t order = 0;
  int tier = 2;      // the less, the earlier
  double score = 0;  // the less, the better
  double tie = 0;    // then the less of this
  Probe probe = Probe::kNone;
};

Admission AccountPool::choose(const Ask& ask, Instant now, bool take) {
  static thread_local std::vector<Candidate> candidates;
  static thread_local std::vector<Candidate> ejected;
  candidates.clear();
  ejected.clear();
  Admission result;
  const auto count = static_cast<AccountIndex>(size());
  const AccountIndex start = count == 1 ? 0 : turn_.fetch_add(1, kRelaxed) % count;
  const bool affine = ask.affinity != 0 && keeps_accounts() && !ask.passthrough;
  const auto home = affine ? bindings_.find(ask.affinity, now) : std::nullopt;
  const bool priced = affine && beliefs_ != nullptr && ask.prompt != nullptr;
  const PromptView view = priced ? view_prompt(ask, now) : PromptView{};
  const int64_t all = in_flight_.load(kRelaxed);
  bool others_fit = false;
  for (AccountIndex step = 0; step < count; ++step) {
    const AccountIndex index = (start + step) % count;
    const AccountConfig& one = account(index);
    if (one.passthrough != ask.passthrough || (ask.only && *ask.only != index)) continue;
    if (!ask.allowed.empty() && ask.allowed[index] == 0) continue;
    Candidate candidate{.index = index, .order = step};
    const double load = static_cast<double>(in_flight(index) + 1);
    if (one.passthrough) {
      if (std::find(ask.tried.begin(), ask.tried.end(), index) != ask.tried.end()) continue;
      if (duty(index) != Duty::kOn) continue;
      candidate.score = load / one.weight;
      candidates.push_back(candidate);
      continue;
    }
    const Standing here = standing(index, ask, now);
    candidate.score = policy_ == AffinityPolicy::kRoundRobin ? 0 : load / (one.weight * here.share);
    candidate.probe = here.probe;
    if (affine) {
      // Behind its home come the accounts in the order of their rendezvous, those with more than their share last.
      const int64_t most = bounded_load(all, one.weight / weight_, config_.affinity.load_excess);
      const bool full = load > static_cast<double>(most);
      candidate.score = -rendezvous(ask.affinity, one.cache_domain.empty() ? one.name : one.cache_domain, one.weight);
      candidate.tier = full ? 3 : home == index ? 1 : 2;
      if (priced) {
        const Place place{index, one.weight * here.share, load, static_cast<double>(most)};
        candidate.tie = candidate.score;
        candidate.score = price(view, ask, place, now) - (home == index ? kHomeWorth * ask.prompt->tokens : 0);
        candidate.tier = 2;
      }
    }
    if (here.soft) candidate.tier += 4;
    if (here.probe != Probe::kNone) candidate.tier = 0;
    if (here.ejected) ejected.push_back(candidate);
    if (here.at > now) {
      if (here.at != runtime::kNever) result.at = std::min(result.at, here.at);
      continue;
    }
    if (here.probe == Probe::kNone) others_fit = true;
    candidates.push_back(candidate);
  }
  // Where none but ejected accounts are left, they are better than nothing.
  if (!others_fit) candidates.insert(candidates.end(), ejected.begin(), ejected.end());
  if (candidates.size() > 1) {
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.tier, a.score, a.tie, a.order) < std::tie(b.tier, b.score, b.tie, b.order);
    });
  }
  for (const Candidate& candidate : candidates) {
    if (!take) {
      result.at = std::min(result.at, room_at(candidate.index, ask, now));
      continue;
    }
    auto taken = try_take(candidate.index, ask, candidate.probe, now);
    if (taken) {
      if (affine) taken->home_ = bind(ask, home, candidate.index, now);
      if (affine) expect(*taken, ask, priced ? &view : nullptr, now);
      result.lease = std::move(*taken);
      return result;
    }
    result.at = std::min(result.at, taken.error());
    const bool preferred = priced ? &candidate == candidates.data() && candidate.tier == 2
                                  : home == candidate.index && candidate.tier == 1;
    if (ask.patient && preferred && taken.error() - now <= config_.affinity.patience) {
      result.at = taken.error();
      result.for_home = true;
      return result;
    }
  }
  return result;
}

Instant AccountPool::room_at(AccountIndex index, const Ask& ask, Instant now) const {
  if (ask.passthrough) return now;
  if (full(index, ask, now)) return now + kFullPause;
  const Domain& domain = *domains_[states_[index].domain];
  const size_t limits = static_cast<size_t>(ask.limits);
  if (!domain.active[limits].load(std::memory_order_acquire)) return now;
  std::lock_guard lock(domain.mutex);
  return std::max(now, domain.classes[limits].ready_at(ask.need, now));
}

std::expected<Lease, Instant> AccountPool::try_take(AccountIndex index, const Ask& ask, Probe probe, Instant now) {
  if (ask.passthrough) return take(index, 0, ask.affinity, now);
  if (full(index, ask, now)) return std::unexpected(now + kFullPause);
  State& state = states_[index];
  Domain& domain = *domains_[state.domain];
  const size_t limits = static_cast<size_t>(ask.limits);
  Reservation held;
  if (domain.active[limits].load(std::memory_order_acquire)) {
    std::lock_guard lock(domain.mutex);
    Allowance& allowance = domain.classes[limits];
    const Instant at = allowance.ready_at(ask.need, now);
    if (at > now) return std::unexpected(at);
    if (allowance.idle(now)) {
      domain.active[limits].store(false, std::memory_order_release);
    } else {
      held = allowance.reserve(ask.need, now);
    }
  }
  if (probe != Probe::kNone) {
    std::unique_lock lock(state.mutex);
    const Instant next = now + config_.health.probe_interval;
    const bool mine = probe == Probe::kHealth ? state.health.begin_probe(now) : state.probe_at.load(kRelaxed) <= now;
    if (!mine) {
      lock.unlock();
      if (held.open) {
        std::lock_guard domain_lock(domain.mutex);
        domain.classes[limits].give_back(held, now);
      }
      return std::unexpected(probe == Probe::kHealth ? now + std::chrono::seconds(1) : next);
    }
    if (probe == Probe::kParking) state.probe_at.store(next, kRelaxed);
  }
  Lease lease = take(index, 0, ask.affinity, now);
  lease.limits_ = ask.limits;
  lease.probe_ = probe;
  lease.held_ = held;
  return lease;
}

void AccountPool::release(Lease& lease) {
  State& state = states_[lease.index_];
  state.in_flight.fetch_sub(1, kRelaxed);
  endpoints_.leave(lease.index_, lease.place_);
  if (account(lease.index_).passthrough) return;
  in_flight_.fetch_sub(1, kRelaxed);
  const Instant now = clock_.now();
  if (lease.held_.open || lease.held_.unanswered) lease.settle(lease.held_.need, now);
  if (lease.probe_ == Probe::kHealth) {
    std::lock_guard lock(state.mutex);
    state.health.probe_left();
  }
  if (waiting() > 0) room_->serve(now);
}

void AccountPool::answered(Lease& lease, const Stated& stated, bool limited, Instant now) {
  if (account(lease.index_).passthrough || (!limited && !stated.limits.any() && !lease.held_.open)) return;
  {
    Domain& domain = *domains_[states_[lease.index_].domain];
    const size_t limits = static_cast<size_t>(lease.limits_);
    std::lock_guard lock(domain.mutex);
    Allowance& allowance = domain.classes[limits];
    if (limited) {
      allowance.refused(lease.held_, stated.limits, now);
      Duration wait = stated.retry_after.value_or(stated.reset.value_or(kBenchDefault));
      // A window of hours that is spent stays spent, whatever is said to impatient clients.
      if (stated.reset && *stated.reset > kLongWindow) wait = std::max(wait, *stated.reset);
      allowance.bench(now + wait);
    } else {
      allowance.answered(lease.held_, stated.limits, now);
    }
    domain.active[limits].store(!allowance.idle(now), std::memory_order_release);
  }
  if (waiting() > 0) room_->serve(now);
}

void AccountPool::ended(Lease& lease, const Ended& how, Instant now) {
  const bool learnt = learn_endpoint(lease, how, now);
  if (account(lease.index_).passthrough) return;
  if (!how.reached && lease.held_.open) {
    Domain& domain = *domains_[states_[lease.index_].domain];
    std::lock_guard lock(domain.mutex);
    domain.classes[static_cast<size_t>(lease.limits_)].give_back(lease.held_, now);
  }
  if (!learnt) learn_health(lease, how, now);
  if (waiting() > 0) room_->serve(now);
}

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

Duration AccountPool::expected_wait(LimitClass limits, const Need& ahead, double calls_ahead, Instant now) const {
  const std::array<double, 3> wanted{calls_ahead, ahead.input_tokens, ahead.output_tokens};
  std::array<double, 3> level{}, rate{};
  std::array<bool, 3> bounded{true, true, true};
  std::vector<bool> seen(domains_.size(), false);
  for (AccountIndex index = 0; index < size(); ++index) {
    const uint32_t number = states_[index].domain;
    if (seen[number] || !fit(index, now)) continue;
    seen[number] = true;
    const Domain& domain = *domains_[number];
    std::lock_guard lock(domain.mutex);
    for (size_t i = 0; i < wanted.size(); ++i) {
      const Meter& meter = domain.classes[static_cast<size_t>(limits)].meter(i);
      if (!meter.known()) bounded[i] = false;
      level[i] += std::max(0.0, meter.level(now));
      rate[i] += meter.limit() / 60;
    }
  }
  double wait = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (bounded[i] && rate[i] > 0) wait = std::max(wait, (wanted[i] - level[i]) / rate[i]);
  }
  return Duration{static_cast<int64_t>(std::min(wait, 1e6) * 1e9)};
}

std::vector<AccountState> AccountPool::states(Instant now) const {
  std::vector<AccountState> out;
  for (AccountIndex index = 0; index < size(); ++index) {
    const State& state = states_[index];
    AccountState& one = out.emplace_back(AccountState{.name = account(index).name, .in_flight = in_flight(index)});
    {
      std::lock_guard lock(state.mutex);
      if (state.parked != ParkReason::kNone && state.parked_until > now) {
        one.parked = state.parked;
        one.parked_until = state.parked_until;
      }
      if (state.health.ejected(now)) one.ejected_until = state.health.until();
      one.failures = state.failures.load(kRelaxed);
      one.duty = state.duty.load(kRelaxed);
      one.duty_reason = state.duty_reason;
      one.probing = state.health.half_open(now);
    }
    one.endpoints = endpoints_.states(index, now);
    const Domain& domain = *domains_[state.domain];
    std::lock_guard lock(domain.mutex);
    for (size_t i = 0; i < kLimitClasses; ++i) {
      const Allowance& allowance = domain.classes[i];
      if (allowance.idle(now)) continue;
      AccountState::Class& shown = one.classes.emplace_back(
          AccountState::Class{.limits = static_cast<LimitClass>(i), .benched_until = allowance.benched_until()});
      for (size_t meter = 0; meter < 3; ++meter) {
        shown.limit[meter] = allowance.meter(meter).limit();
        shown.level[meter] = allowance.meter(meter).level(now);
      }
    }
  }
  return out;
}

}  // namespace baton::accounts
