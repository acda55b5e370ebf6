#include "relay/budget.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/ascii.h"
#include "ledger/row.h"

namespace baton::relay {

using model::Operation;
using Reason = ledger::BudgetRefusal::Reason;
using OverBudget = metrics::RelayMetrics::Shard::OverBudget;

namespace {

ledger::Payer payer_of(const Call& call) {
  const auth::ClientKey* key = call.caller.key.get();
  if (key == nullptr) return {.name = call.caller.name};
  return {.key_id = key->id, .name = call.caller.name, .team = key->team, .own = &key->rights.budget};
}

OverBudget label(Reason reason) {
  switch (reason) {
    case Reason::kSpent: return OverBudget::kSpent;
    case Reason::kTooDear: return OverBudget::kTooDear;
    case Reason::kWaited: return OverBudget::kWaited;
    case Reason::kQueueFull: return OverBudget::kQueueFull;
    case Reason::kCancelled: return OverBudget::kCancelled;
    case Reason::kUnknown: return OverBudget::kUnknown;
  }
  return OverBudget::kSpent;
}

std::unexpected<Error> unpriced(const Parts& parts, const Call& call, const std::string& what) {
  parts.metrics.budget_refused(OverBudget::kUnpriced);
  return fail(ErrorCode::kForbidden, Fault::kClient,
              what + " so " + std::string(call.caller.name) +
                  ", whose spending is limited by a budget in dollars, may not use it. Ask the relay's operator.");
}

Instant until(const Parts& parts, const Call& call) {
  Instant out = std::min(call.until, parts.loop.now() + parts.accounts.config().queue.max_wait);
  if (call.patience) out = std::min(out, call.exchange.started() + *call.patience);
  return out;
}

}  // namespace

Expected<void> allow_operation(const Parts& parts, const Call& call) {
  const Operation operation = call.route.operation;
  if (parts.budgets == nullptr) return {};
  const bool unknown = operation == Operation::kPassThrough && call.outcome.method == "POST";
  if (operation != Operation::kBatchCreate && !unknown) return {};
  if (!parts.budgets->limits(payer_of(call))) return {};
  return unpriced(parts, call, "What this request costs is not known in advance,");
}

bool spends_budget(const Parts& parts, const Call& call) {
  return parts.budgets != nullptr && call.route.operation == Operation::kMessages &&
         parts.budgets->limits(payer_of(call));
}

runtime::Task<Expected<void>> reserve_budget(const Parts& parts, Call& call) {
  // A body without a model is the vendor's to refuse, and costs nothing.
  if (!call.weight || call.facts.model.empty()) co_return Expected<void>{};
  const auto attempt = parts.budgets->prices()->upper_bound(call.facts.model, *call.weight, call.outcome.started);
  if (!attempt)
    co_return unpriced(parts, call, "The model " + ascii::excerpt(call.facts.model) + " has no known price,");
  const __int128 all = static_cast<__int128>(*attempt) * (parts.attempts_max + 1);  // and a resend
  const ledger::CostBounds bounds{
      .attempt = *attempt, .call = static_cast<int64_t>(std::min<__int128>(all, std::numeric_limits<int64_t>::max()))};
  metrics::Held waiting = parts.metrics.call_waiting_for_budget();
  auto hold =
      co_await parts.budgets->reserve(parts.loop, call.exchange.cancel(), payer_of(call), bounds, until(parts, call));
  if (hold) {
    call.hold = std::move(*hold);
    call.outcome.reserved_nanodollars = call.hold.reserved_nanodollars();
    co_return Expected<void>{};
  }
  const Reason reason = hold.error().reason;
  parts.metrics.budget_refused(label(reason));
  if (reason == Reason::kCancelled) co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
  if (reason == Reason::kUnknown)
    co_return fail(ErrorCode::kStore, Fault::kUs, std::move(hold.error().sentence), Retry::kLater);
  const bool later = reason == Reason::kWaited || reason == Reason::kQueueFull;
  co_return fail(later ? ErrorCode::kRateLimited : ErrorCode::kBudgetSpent, Fault::kClient,
                 std::move(hold.error().sentence), later ? Retry::kLater : Retry::kNever);
}

int64_t charge(Call& call) {
  if (!call.hold) return 0;
  model::Outcome& outcome = call.outcome;
  int64_t sum = 0;
  bool certain = true;
  for (const model::Attempt& attempt : outcome.attempts) {
    const auto cost = ledger::cost_of(outcome, attempt, call.hold.prices());
    const bool sure = cost && !attempt.usage_partial;
    sum += sure ? *cost : std::max(cost.value_or(0), call.hold.unknown_nanodollars());
    certain = certain && sure;
  }
  outcome.charged_nanodollars.reset();
  if (!certain) outcome.charged_nanodollars = sum;
  return sum;
}

void settle_budget(const Parts& parts, Call& call) {
  if (call.hold) call.hold.settle(charge(call), parts.loop.wall());
}

}  // namespace baton::relay
