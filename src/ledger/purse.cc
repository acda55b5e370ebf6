#include "ledger/purse.h"

#include <algorithm>

namespace baton::ledger {
namespace {

constexpr std::array kShares{100, 80, 50};  // percent
constexpr std::chrono::hours kStepBack{1};

}  // namespace

int64_t span_number(Span span, WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  if (span == Span::kDay) return day.time_since_epoch().count();
  const std::chrono::year_month_day date(day);
  return (static_cast<int>(date.year()) - 1970) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}

WallTime span_begin(Span span, int64_t number) {
  if (span == Span::kDay) return WallTime(std::chrono::sys_days(std::chrono::days(number)));
  const std::chrono::year_month_day first(std::chrono::year(static_cast<int>(1970 + number / 12)),
                                          std::chrono::month(static_cast<unsigned>(number % 12 + 1)),
                                          std::chrono::day(1));
  return WallTime(std::chrono::sys_days(first));
}

void Purse::recover(int64_t day_spent, int64_t month_spent, WallTime now) {
  roll(now);
  // What a purse knows already may be newer than the ledger, or older: of calls while it had no budget.
  at(Span::kDay).spent = std::max(at(Span::kDay).spent, day_spent);
  at(Span::kMonth).spent = std::max(at(Span::kMonth).spent, month_spent);
}

void Purse::limit(const model::Budget& budget) {
  if (budget == budget_) return;
  budget_ = budget;
  for (const Span span : kSpans) at(span).warned = reached(span);
}

void Purse::roll(WallTime now) {
  for (const Span span : kSpans) {
    Account& account = at(span);
    const int64_t number = span_number(span, now);
    if (number == account.number) continue;
    if (number < account.number && now + kStepBack > span_begin(span, account.number)) continue;
    account = {.number = number};
  }
}

int64_t Purse::reserve_of(const CostBounds& bounds, const CostSketch& everyone) const {
  switch (budget_.reserve) {
    case model::Reserve::kStrict: return bounds.call;
    case model::Reserve::kCap: return std::min(budget_.cap_nanodollars, bounds.call);
    case model::Reserve::kLearned: break;
  }
  // A holder of whom little is known is taken for an average one, and the first of all for the dearest.
  std::optional<int64_t> usual = sketch_.p99();
  if (!usual) usual = everyone.p99();
  return std::min(usual.value_or(bounds.attempt), bounds.attempt);
}

Purse::Verdict Purse::ask(const CostBounds& bounds, int64_t amount) const {
  Verdict verdict;
  for (const Span span : kSpans) {
    const int64_t most = limit(span);
    if (most == 0) continue;
    const Account& account = at(span);
    const int64_t left = most - account.spent;
    if (left <= 0) return {Answer::kSpent, span};
    if (budget_.reserve == model::Reserve::kStrict && bounds.call > left) return {Answer::kTooDear, span};
    // The last of the money is not kept back from who comes alone.
    if (account.reserved > 0 && account.reserved + amount > left) verdict = {Answer::kLater, span};
  }
  return verdict;
}

Purse::Taken Purse::take(int64_t amount) {
  Taken taken{.amount = amount};
  for (const Span span : kSpans) {
    at(span).reserved += amount;
    taken.numbers[static_cast<size_t>(span)] = at(span).number;
  }
  return taken;
}

void Purse::give_back(const Taken& taken) {
  for (const Span span : kSpans) {
    if (at(span).number == taken.numbers[static_cast<size_t>(span)]) at(span).reserved -= taken.amount;
  }
}

std::array<std::optional<Purse::Warning>, 2> Purse::settle(const Taken& taken, int64_t cost) {
  std::array<std::optional<Warning>, 2> warnings;
  give_back(taken);
  if (cost > 0) sketch_.add(cost);
  for (const Span span : kSpans) {
    Account& account = at(span);
    if (account.number != taken.numbers[static_cast<size_t>(span)]) continue;
    account.spent += cost;
    const int now = reached(span);
    if (now <= account.warned) continue;
    account.warned = now;
    warnings[static_cast<size_t>(span)] = Warning{span, now};
  }
  return warnings;
}

int Purse::reached(Span span) const {
  if (limit(span) == 0) return 0;
  for (const int share : kShares) {
    if (static_cast<__int128>(at(span).spent) * 100 >= static_cast<__int128>(limit(span)) * share) return share;
  }
  return 0;
}

}  // namespace baton::ledger
