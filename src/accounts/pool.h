// AccountPool: the accounts that the operator owns, what is known of each, and who has how much in flight. admit()
// gives a call the best account that may take it now, or the earliest time at which one may; acquire() waits for that
// in fair order; ended() tells the pool how an attempt went. An account is passed over while it is benched (it answered
// 429 and named a time), parked (its credential, its purse or its monthly cap), ejected (failures in a row), excluded
// for the model (403), or while its limit domain has too little left for the call. Life: one per process, made in app/,
// outlives every Call. Thread: any: per-account atomics, one small mutex per limit domain and one per account for the
// rare. Bounds: kAccountsMax accounts, O(accounts) per admission, no allocation once a thread is warm; the queue as in
// QueueConfig. With one account and no limits known an admission is a handful of atomic loads and stores.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "accounts/affinity.h"
#include "accounts/allowance.h"
#include "accounts/cache_minimum.h"
#include "accounts/config.h"
#include "accounts/decayed_load.h"
#include "accounts/endpoints.h"
#include "accounts/forecast.h"
#include "accounts/health.h"
#include "accounts/hedging.h"
#include "accounts/limit_class.h"
#include "accounts/pool_memory.h"
#include "accounts/prompt_beliefs.h"
#include "accounts/prompt_writes.h"
#include "accounts/retry_budget.h"
#include "accounts/routes.h"
#include "accounts/stated.h"
#include "accounts/verdict.h"
#include "model/prompt.h"
#include "model/usage.h"
#include "runtime/cancel.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace baton::accounts {

class AccountPool;
class WaitingRoom;

// Where a conversation's call went, seen from its prompt cache.
enum class Home : uint8_t { kNone, kNew, kKept, kMoved };
enum class Probe : uint8_t { kNone, kHealth, kParking };

// What is expected of the prompt caches for a call, in estimated tokens, when its account was chosen.
struct Outlook {
  uint32_t tokens = 0;   // the prompt; 0: nothing was expected
  uint32_t matched = 0;  // held by the account that was chosen
  uint32_t best = 0;     // by the one that holds most
  double mean = 0;       // by all of them on average: what a blind choice would find
  double charged = 0;    // counted as load
  Instant begun{};       // its answer
};

// What the choice of the account changed: tokens that were read and not written again, against a blind choice, and
// tokens that were written again though another account held them.
struct PromptGain {
  int64_t saved_tokens = 0;
  int64_t lost_tokens = 0;
};

// A call's hold on an account; it counts as in flight until the Lease goes.
class Lease {
 public:
  Lease(Lease&& other) noexcept { swap(other); }
  Lease& operator=(Lease&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Lease();
  AccountIndex index() const { return index_; }
  const AccountConfig& account() const;
  EndpointIndex endpoint() const { return place_.endpoint; }
  Home home() const { return home_; }
  const Outlook& outlook() const { return outlook_; }
  // What the call used, once it is known.
  void settle(const Need& used, Instant now);

 private:
  friend class AccountPool;
  Lease(AccountPool& pool, AccountIndex index) : pool_(&pool), index_(index) {}
  void swap(Lease& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(index_, other.index_);
    std::swap(limits_, other.limits_);
    std::swap(home_, other.home_);
    std::swap(probe_, other.probe_);
    std::swap(held_, other.held_);
    std::swap(outlook_, other.outlook_);
    std::swap(place_, other.place_);
  }
  AccountPool* pool_ = nullptr;
  AccountIndex index_ = 0;
  LimitClass limits_ = LimitClass::kOtherOperation;
  Home home_ = Home::kNone;
  Probe probe_ = Probe::kNone;
  Reservation held_;
  Outlook outlook_;
  EndpointChooser::Place place_;
};

// Of a tenant's waiting calls those with the higher priority go first.
inline constexpr size_t kPriorities = 3;
inline constexpr uint8_t kPriorityNormal = 1;

// What a call wants. Views are borrowed until it is answered.
struct Ask {
  std::string_view tenant = {};  // whose share of the queue it takes
  uint64_t model = 0;            // a hash; 0: none
  LimitClass limits = LimitClass::kOtherOperation;
  Need need = {};
  uint64_t affinity = 0;                  // of the conversation; 0: none
  const model::Prompt* prompt = nullptr;  // what of it could be cached; null: nothing, or it does not matter
  uint32_t cache_tokens_min = 0;          // as listed for the model
  std::span<const AccountIndex> tried = {};
  Instant tried_from = runtime::kNever;  // when those may be asked again
  std::optional<AccountIndex> only = {};
  std::span<const uint8_t> allowed = {};  // one per account, 0 for those that the caller may not use; empty: all
  double share = 1;                       // of the queue, beside other tenants' 1
  uint8_t priority = kPriorityNormal;     // before its own tenant's calls
  bool passthrough = false;
  bool patient = false;          // may wait a moment for its conversation's account
  bool repeatable = false;       // may be used to see whether an account is well again
  const Chain* chain = nullptr;  // the groups that it may go to; null: any account
  uint8_t rank_from = 0;         // of them
  Instant group_until{};         // so long it waits for an earlier group rather than take a later one
};

struct Admission {
  std::optional<Lease> lease = {};
  Instant at = runtime::kNever;  // otherwise: the earliest time that is known; kNever when no account may ever take it
  bool for_home = false;         // it waits for its own account or an earlier group, while others may be free
};

enum class RefusalReason : uint8_t { kNoAccount, kTooLate, kQueueFull, kCancelled };
struct Refusal {
  RefusalReason reason = RefusalReason::kNoAccount;
  Instant at = runtime::kNever;  // as in Admission
};

// How an account stands, for the operator.
struct AccountState {
  std::string_view name;
  int64_t in_flight = 0;
  ParkReason parked = ParkReason::kNone;
  Instant parked_until{};
  Instant ejected_until{};
  uint32_t failures = 0;
  std::vector<EndpointState> endpoints;
  Duty duty = Duty::kOn;
  std::string duty_reason = {};  // the operator's words
  bool probing = false;          // one call at a time is let through, to see whether it is well again
  struct Class {
    LimitClass limits;
    Instant benched_until{};
    std::array<double, 3> limit{};  // requests, input tokens, output tokens; 0: not known
    std::array<double, 3> level{};
  };
  std::vector<Class> classes;  // those of which anything is known
};

class AccountPool {
 public:
  // Borrows both for its life. At least one account.
  AccountPool(const Config& config, const runtime::Clock& clock);
  ~AccountPool();

  // Never waits. Passthrough accounts are only given to callers that bring a credential of their own: a call never
  // crosses from one kind to the other, and nothing is learnt of a passthrough account.
  Admission admit(const Ask& ask, Instant now) { return choose(ask, now, /*take=*/true); }
  // The time at which an account could take it, as far as is known; takes nothing. kNever: none ever.
  Instant earliest(const Ask& ask, Instant now) { return choose(ask, now, /*take=*/false).at; }
  // Waits in the queue for at most `until`. Borrows loop, cancel and the ask's views.
  runtime::Task<std::expected<Lease, Refusal>> acquire(runtime::Loop& loop, runtime::Cancellation& cancel, Ask ask,
                                                       Instant until);
  // How many calls wait. While there are any, newcomers of their kind go behind them: through acquire().
  size_t waiting() const;

  // This account and no other, whatever is known of it.
  Lease take(AccountIndex index) { return take(index, 0, 0, clock_.now()); }
  // The same account at an endpoint that is fit and not in `tried`, if there is one.
  std::optional<Lease> take_elsewhere(AccountIndex index, EndpointMask tried, Instant now);
  std::optional<AccountIndex> find(std::string_view name) const;

  // The head of its answer has come: what it states of limits is learnt, and an account that named a time is benched,
  // before anybody else can be sent there. `limited`: it is a 429 that is a limit of the account.
  void answered(Lease& lease, const Stated& stated, bool limited, Instant now);
  // What came of the attempt is known. `reached`: something was sent to the vendor.
  struct Ended {
    Effect effect = Effect::kNothing;
    bool reached = true;
    uint64_t model = 0;
    bool stalled = false;  // our own loop stood still meanwhile: a failure may be our own
  };
  void ended(Lease& lease, const Ended& how, Instant now);
  // The first byte of a streamed answer came, `took` after the call was sent. `voided`: our own loop stood still
  // meanwhile.
  void first_byte(Lease& lease, Duration took, bool voided, Instant now) {
    endpoints_.first_byte(lease.index_, lease.place_, took, voided, now);
  }

  // Until which time after a 429 an account is benched that named none but stated limits.
  static constexpr Duration kBenchDefault = std::chrono::seconds(60);
  static constexpr Duration kExclusionTime = std::chrono::hours(1);
  // After which an account whose concurrency is taken is looked at again, should no call end before.
  static constexpr Duration kFullPause = std::chrono::milliseconds(100);

  const Routes& routes() const { return routes_; }
  GroupIndex group(AccountIndex index) const { return states_[index].group; }
  RetryBudget& retry_budget() { return retry_budget_; }
  Hedging& hedging() { return hedging_; }
  Forecast& forecast() { return forecast_; }
  const Config& config() const { return config_; }
  const AccountConfig& account(AccountIndex index) const { return config_.accounts[index]; }
  size_t size() const { return config_.accounts.size(); }
  int64_t in_flight(AccountIndex index) const { return states_[index].in_flight.load(std::memory_order_relaxed); }
  bool has_passthrough() const { return pooled_ < size(); }
  bool has_pooled() const { return pooled_ > 0; }
  // Whether conversations keep to accounts, or to anything at all.
  bool keeps_accounts() const { return pooled_ > 1 && policy_ != AffinityPolicy::kRoundRobin; }
  bool has_affinity() const { return keeps_accounts() || endpoints_.several(); }
  // Whether an Ask's prompt is looked at.
  bool reads_prompts() const { return beliefs_ != nullptr; }

  // -- Prompt caches: pool_prompt.cc; only where reads_prompts() --
  // Whether a call with a large new prefix is to wait for another that writes it.
  PromptWrites::Joined join_write(const Ask& ask, runtime::Loop& loop, Instant now);
  PromptWrites& prompt_writes() { return writes_; }
  // An answer to the ask's prompt has begun: its prefixes can be read there from now on.
  void prompt_begun(Lease& lease, const Ask& ask, Instant now);
  // What the answer's usage says of them. `model` as in Ask.
  PromptGain prompt_used(const Lease& lease, const Ask& ask, const model::Usage& usage);
  size_t prompt_prefixes() const { return beliefs_ ? beliefs_->size() : 0; }
  EndpointChooser& endpoints() { return endpoints_; }
  const EndpointChooser& endpoints() const { return endpoints_; }
  std::vector<AccountState> states(Instant now) const;

  // The operator's word on an account (pool_memory.cc). kOn also ends what else keeps it out: parking, ejection and
  // exclusions; not a time that the vendor named. The reason is cut at kReasonBytesMax.
  static constexpr size_t kReasonBytesMax = 256;
  void set_duty(AccountIndex index, Duty duty, std::string_view reason, Instant now);
  Duty duty(AccountIndex index) const { return states_[index].duty.load(std::memory_order_relaxed); }
  // What is known, to be kept; and what of it still holds, taken over. restore() comes before the first call.
  PoolMemory save(Instant now) const;
  // An account that it does not name, while it names others of the pool, has joined: its share grows as after a
  // recovery.
  void restore(const PoolMemory& memory, Instant now);
  // What else the pool before a reload has learnt and no file keeps: what prompt caches hold, how fast endpoints are,
  // what calls use, what accounts were charged lately. That pool goes on. Comes before the first call.
  void follow(const AccountPool& before, Instant now);
  // How long calls with this need ahead of one would keep it waiting, by what all accounts together get.
  // `groups`: those that count, as bits.
  Duration expected_wait(LimitClass limits, const Need& ahead, double calls_ahead, uint64_t groups, Instant now) const;

 private:
  friend class Lease;
  struct Exclusion {
    uint64_t model;
    Instant until;
  };
  struct alignas(64) State {
    std::atomic<int64_t> in_flight{0};
    std::atomic<bool> troubled{false};  // anything below is not as at first
    std::atomic<Instant> probe_at{Instant{}};
    std::atomic<Instant> soft_until{Instant{}};
    std::atomic<uint32_t> failures{0};
    std::atomic<Duty> duty{Duty::kOn};
    uint32_t domain = 0;
    GroupIndex group = 0;
    CacheDomain cache_domain = 0;
    DecayedLoad load;          // input tokens that were charged lately
    mutable std::mutex mutex;  // of what follows
    ParkReason parked = ParkReason::kNone;
    Instant parked_until{};
    Instant recovered_at{};
    Health health;
    std::vector<Exclusion> exclusions;
    uint32_t overloads = 0;  // in a row
    std::string duty_reason;
  };
  struct Domain {
    mutable std::mutex mutex;
    std::array<Allowance, kLimitClasses> classes;
    std::array<std::atomic<bool>, kLimitClasses> active{};
  };
  struct Candidate;
  struct Soon;
  struct Standing;

  Lease take(AccountIndex index, EndpointMask tried, uint64_t conversation, Instant now);
  bool full(AccountIndex index, const Ask& ask, Instant now) const;
  Admission choose(const Ask& ask, Instant now, bool take);
  Standing standing(AccountIndex index, const Ask& ask, Instant now) const;
  // Reserves, or gives when it could. `probe`: the account is asked to see whether it is well again.
  std::expected<Lease, Instant> try_take(AccountIndex index, const Ask& ask, Probe probe, Instant now);
  Instant room_at(AccountIndex index, const Ask& ask, Instant now) const;
  // A prompt before all caches, while an account is chosen for it.
  struct PromptView {
    std::span<const uint32_t> matched;  // by cache domain
    uint32_t tokens_min = 0;
    double load = 0;  // of all accounts
  };
  void look_at_prompts();
  PromptView view_prompt(const Ask& ask, Instant now) const;
  struct Place {
    AccountIndex index = 0;
    double weight = 1;
    double in_flight = 0;  // with this call
    double bound = 0;      // of in_flight
  };
  double price(const PromptView& view, const Ask& ask, const Place& place, Instant now) const;
  void expect(Lease& lease, const Ask& ask, const PromptView* view, Instant now);
  Home bind(const Ask& ask, std::optional<AccountIndex> home, AccountIndex index, Instant now);
  void release(Lease& lease);
  bool learn_endpoint(Lease& lease, const Ended& how, Instant now);
  void learn_health(Lease& lease, const Ended& how, Instant now);
  bool may_eject(AccountIndex index, Instant now) const;
  bool fit(AccountIndex index, Instant now) const;
  void shun(State& state, uint32_t before, Instant now) const;

  const Config& config_;
  const runtime::Clock& clock_;
  std::unique_ptr<State[]> states_;
  std::vector<std::unique_ptr<Domain>> domains_;
  std::atomic<uint32_t> turn_{0};
  std::atomic<int64_t> in_flight_{0};  // of pooled accounts
  const Routes routes_;
  size_t pooled_ = 0;
  double weight_ = 0;
  std::mutex ejection_mutex_;
  RetryBudget retry_budget_;
  Hedging hedging_;
  Forecast forecast_;
  Bindings bindings_;
  AffinityPolicy policy_;
  std::unique_ptr<PromptBeliefs> beliefs_;  // null: prompts are not looked at
  PromptWrites writes_;
  CacheMinimum cache_minimum_;
  CacheDomain cache_domains_ = 0;
  EndpointChooser endpoints_;
  std::unique_ptr<WaitingRoom> room_;
};

}  // namespace baton::accounts
