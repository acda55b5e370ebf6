// Purse: one holder's budgets: what of this day and this month (UTC) is spent, and what calls under way have reserved.
// A call counts in the periods in which it was let in: what is settled after their end changes nothing any more.
// A clock that steps back by less than an hour stays in the later period.
// Life: owned by Budgets. Thread: its mutex. Bounds: two periods, one sketch.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/units.h"
#include "ledger/cost_sketch.h"
#include "model/budget.h"

namespace baton::ledger {

enum class Span : uint8_t { kDay, kMonth };
inline constexpr std::array kSpans{Span::kDay, Span::kMonth};

// Counted from 1970; and when it begins.
int64_t span_number(Span span, WallTime at);
WallTime span_begin(Span span, int64_t number);

// The most that a call can cost: one attempt at it, and all that may be made.
struct CostBounds {
  int64_t attempt = 0;
  int64_t call = 0;
};

class Purse {
 public:
  enum class Answer : uint8_t {
    kFits,
    kLater,    // when calls under way turn out to cost less than they have reserved
    kTooDear,  // more may be charged than is left
    kSpent,
  };
  struct Verdict {
    Answer answer = Answer::kFits;
    Span span = Span::kDay;  // whose budget it is
  };
  // What a call has taken.
  struct Taken {
    int64_t amount = 0;
    std::array<int64_t, 2> numbers{};  // of its day and month
  };
  // A share of a budget that was reached.
  struct Warning {
    Span span = Span::kDay;
    int percent = 0;
  };

  explicit Purse(std::string shown_name) : name(std::move(shown_name)) {}

  // From now on. What is reached then counts as said.
  void limit(const model::Budget& budget);
  const model::Budget& budget() const { return budget_; }
  // What the ledger knows of this day and month.
  void recover(int64_t day_spent, int64_t month_spent, WallTime now);
  void roll(WallTime now);

  // What a call reserves here.
  int64_t reserve_of(const CostBounds& bounds, const CostSketch& everyone) const;
  // Whether it may be taken now. After roll().
  Verdict ask(const CostBounds& bounds, int64_t amount) const;
  Taken take(int64_t amount);
  // Nothing was charged.
  void give_back(const Taken& taken);
  // It cost this. Gives the highest share that was newly reached, for each period that reached one.
  std::array<std::optional<Warning>, 2> settle(const Taken& taken, int64_t cost);

  int64_t limit(Span span) const { return span == Span::kDay ? budget_.day_nanodollars : budget_.month_nanodollars; }
  int64_t spent(Span span) const { return at(span).spent; }
  int64_t reserved(Span span) const { return at(span).reserved; }
  WallTime resets_at(Span span) const { return span_begin(span, at(span).number + 1); }

  std::string name;    // "key web-ci", "team web"
  size_t waiting = 0;  // calls

 private:
  struct Account {
    int64_t number = -1;
    int64_t spent = 0;
    int64_t reserved = 0;
    int warned = 0;  // percent
  };
  Account& at(Span span) { return accounts_[static_cast<size_t>(span)]; }
  const Account& at(Span span) const { return accounts_[static_cast<size_t>(span)]; }
  int reached(Span span) const;

  model::Budget budget_;
  std::array<Account, 2> accounts_;
  CostSketch sketch_;
};

}  // namespace baton::ledger
