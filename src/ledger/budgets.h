// Budgets: what keys and teams may spend a day and a month (UTC), held under parallel calls. A call reserves what it
// may cost in each purse that pays for it before anything is sent, and settles with what it did cost. What does not fit
// only because of others' reservations waits, in fair order, instead of being refused.
// Life: one per process, outlives the loops. Thread: any; a waiting call is woken on its own loop. Calls of nobody with
// a budget come here for a look at two numbers only.
// Bounds: a purse per key or team with a budget; kBudgetWaitersMax waiting calls, of which kTriesMax are looked at per
// turn; kWarningsMax warnings that nobody has fetched, the oldest go first.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <expected>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fair_order.h"
#include "ledger/config.h"
#include "ledger/price_table.h"
#include "ledger/purse.h"
#include "ledger/spent.h"
#include "runtime/cancel.h"
#include "runtime/task.h"

namespace baton::ledger {

// Who pays for a call. Views live as long as the call.
struct Payer {
  std::string_view key_id;  // of a key made at run time, else empty
  std::string_view name;    // the client's
  std::string_view team;
  const model::Budget* own = nullptr;  // of that key
};

struct BudgetRefusal {
  enum class Reason : uint8_t { kSpent, kTooDear, kWaited, kQueueFull, kCancelled, kUnknown };
  Reason reason = Reason::kSpent;
  std::string sentence;  // for the client
};

// A budget's share that was reached.
struct BudgetWarning {
  std::string holder;  // "key web-ci"
  Span span = Span::kDay;
  int percent = 0;
  int64_t spent_nanodollars = 0;
  int64_t limit_nanodollars = 0;
  WallTime at;
  WallTime resets_at;
};

class Budgets {
 public:
  static constexpr size_t kWaitersMax = kBudgetWaitersMax;
  static constexpr size_t kTriesMax = 64;
  static constexpr size_t kWarningsMax = 256;

  // What one call has taken. Destroying it gives all of it back: nothing was charged.
  class [[nodiscard]] Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&& other) noexcept;
    ~Hold() { release(); }
    explicit operator bool() const { return budgets_ != nullptr; }
    // The larger of what it has taken of its purses.
    int64_t reserved_nanodollars() const { return std::max(parts_[0].taken.amount, parts_[1].taken.amount); }
    // What the call counts for where it is not known what an attempt cost.
    int64_t unknown_nanodollars() const { return unknown_; }
    const PriceTable& prices() const { return *prices_; }
    // The call cost this.
    void settle(int64_t nanodollars, WallTime now);
    void release();

   private:
    friend class Budgets;
    struct Part {
      Purse* purse = nullptr;
      Purse::Taken taken;
    };
    Budgets* budgets_ = nullptr;
    std::array<Part, 2> parts_{};
    int64_t unknown_ = 0;
    std::shared_ptr<const PriceTable> prices_;
  };

  Budgets(BudgetRules rules, std::shared_ptr<const PriceTable> prices);
  Budgets(const Budgets&) = delete;
  Budgets& operator=(const Budgets&) = delete;

  // Whether anybody limits what this payer spends. Any thread, waits for nobody.
  bool limits(const Payer& payer) const;
  std::shared_ptr<const PriceTable> prices() const;
  void use(std::shared_ptr<const PriceTable> prices);
  // Other rules from now on; what was spent stays.
  void use(BudgetRules rules);

  // What teams may spend besides, in the place of what the rules say of them.
  void use_teams(std::map<std::string, model::Budget, std::less<>> teams);
  // Of this team, by either; nothing when it has none.
  std::optional<model::Budget> team_budget(std::string_view team) const;
  // The teams that have one.
  std::vector<std::string> limited_teams() const;

  // Whether what was spent before the start is known. Until it is, who has a budget is refused.
  void know(bool known) { known_.store(known, std::memory_order_relaxed); }

  // What the ledger knows of a holder; where more is known here, that stays.
  void recover(const Spent& spent, WallTime now);

  // Takes what the call may cost, at the latest at `until`. All that is named is borrowed until it returns. Suspends
  // only when it has to wait.
  runtime::Task<std::expected<Hold, BudgetRefusal>> reserve(runtime::Loop& loop, runtime::Cancellation& cancel,
                                                            Payer payer, CostBounds bounds, Instant until);

  // The warnings since the last time, oldest first.
  std::vector<BudgetWarning> take_warnings();
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  // Of a holder's purse, as it stands; nothing when it is not open. For tests and the operator.
  struct Standing {
    int64_t spent = 0;
    int64_t reserved = 0;
    int64_t limit = 0;
    WallTime resets_at;
  };
  std::optional<Standing> standing(const std::string& holder, Span span) const;

 private:
  struct Ticket;
  using TicketPtr = std::shared_ptr<Ticket>;
  using Purses = std::array<Purse*, 2>;

  // All with the mutex.
  Purses purses_of(const Payer& payer, WallTime now);
  Purse& open(std::initializer_list<std::string_view> holder, std::string_view kind, std::string_view who,
              const model::Budget& budget, WallTime now);
  std::optional<Hold> try_take(const Purses& purses, const CostBounds& bounds, Purse::Verdict& verdict,
                               const Purse*& whose);
  void serve(WallTime now, std::vector<TicketPtr>& woken);
  void leave(Ticket& ticket);
  void warn(const Purse& purse, const std::array<std::optional<Purse::Warning>, 2>& warnings, WallTime now);
  BudgetRefusal refusal(const Purse& purse, const Purse::Verdict& verdict, const CostBounds& bounds) const;

  void finish(Hold& hold, std::optional<int64_t> cost, WallTime now);
  static void wake(const std::vector<TicketPtr>& tickets);

  mutable std::mutex mutex_;
  const model::Budget* rule_of_team(std::string_view team) const;

  BudgetRules rules_;
  std::map<std::string, model::Budget, std::less<>> teams_;  // set at run time
  std::atomic<bool> any_rule_{false};
  std::atomic<bool> known_{true};
  std::shared_ptr<const PriceTable> prices_;
  std::unordered_map<std::string, std::unique_ptr<Purse>> purses_;
  std::string holder_;  // room for a key of purses_
  CostSketch everyone_;
  FairOrder order_;
  std::map<FairOrder::Place, TicketPtr> queue_;
  std::atomic<size_t> waiting_{0};
  std::deque<BudgetWarning> warnings_;
  WallTime last_seen_;
};

}  // namespace baton::ledger
