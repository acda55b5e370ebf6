#include "ledger/budgets.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/utc.h"
#include "runtime/wait.h"

namespace baton::ledger {

using runtime::Task;
using Reason = BudgetRefusal::Reason;

namespace {

std::string_view span_word(Span span) { return span == Span::kDay ? "a day" : "a month"; }

}  // namespace

// One call that waits.
struct Budgets::Ticket {
  enum class State : uint8_t { kWaiting, kGranted, kRefused };
  Purses purses{};
  CostBounds bounds;
  std::string tenant;
  runtime::Loop* loop = nullptr;
  runtime::Slot slot;  // its loop's
  FairOrder::Place place;
  double size = 0;
  // With the mutex:
  State state = State::kWaiting;
  std::optional<Hold> hold;
  BudgetRefusal refusal;
};

// -- Hold --

Budgets::Hold::Hold(Hold&& other) noexcept
    : budgets_(std::exchange(other.budgets_, nullptr)),
      parts_(other.parts_),
      unknown_(other.unknown_),
      prices_(std::move(other.prices_)) {}

Budgets::Hold& Budgets::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  release();
  budgets_ = std::exchange(other.budgets_, nullptr);
  parts_ = other.parts_;
  unknown_ = other.unknown_;
  prices_ = std::move(other.prices_);
  return *this;
}

void Budgets::Hold::settle(int64_t nanodollars, WallTime now) {
  if (budgets_ != nullptr) std::exchange(budgets_, nullptr)->finish(*this, nanodollars, now);
}

void Budgets::Hold::release() {
  if (budgets_ != nullptr) std::exchange(budgets_, nullptr)->finish(*this, std::nullopt, WallTime{});
}

// -- Budgets --

Budgets::Budgets(BudgetRules rules, std::shared_ptr<const PriceTable> prices)
    : rules_(std::move(rules)), any_rule_(rules_.any()), prices_(std::move(prices)) {}

bool Budgets::limits(const Payer& payer) const {
  if (payer.own != nullptr && payer.own->any()) return true;
  if (!any_rule_.load(std::memory_order_relaxed)) return false;
  std::lock_guard lock(mutex_);
  return rule_of_team(payer.team) != nullptr || (payer.key_id.empty() && rules_.clients.contains(payer.name));
}

std::shared_ptr<const PriceTable> Budgets::prices() const {
  std::lock_guard lock(mutex_);
  return prices_;
}

void Budgets::use(std::shared_ptr<const PriceTable> prices) {
  std::lock_guard lock(mutex_);
  prices_ = std::move(prices);
}

void Budgets::use(BudgetRules rules) {
  std::lock_guard lock(mutex_);
  rules_ = std::move(rules);
  any_rule_ = rules_.any() || !teams_.empty();
}

void Budgets::use_teams(std::map<std::string, model::Budget, std::less<>> teams) {
  std::lock_guard lock(mutex_);
  teams_ = std::move(teams);
  any_rule_ = rules_.any() || !teams_.empty();
}

const model::Budget* Budgets::rule_of_team(std::string_view team) const {
  if (team.empty()) return nullptr;
  if (const auto set = teams_.find(team); set != teams_.end()) return &set->second;
  const auto rule = rules_.teams.find(team);
  return rule == rules_.teams.end() ? nullptr : &rule->second;
}

std::optional<model::Budget> Budgets::team_budget(std::string_view team) const {
  std::lock_guard lock(mutex_);
  const model::Budget* rule = rule_of_team(team);
  if (rule == nullptr) return std::nullopt;
  return *rule;
}

std::vector<std::string> Budgets::limited_teams() const {
  std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const auto* rules : {&teams_, &rules_.teams}) {
    for (const auto& [team, budget] : *rules) names.insert(team);
  }
  return {names.begin(), names.end()};
}

void Budgets::recover(const Spent& spent, WallTime now) {
  std::lock_guard lock(mutex_);
  auto& purse = purses_[spent.holder];
  if (!purse) purse = std::make_unique<Purse>(std::string());
  purse->recover(spent.day_nanodollars, spent.month_nanodollars, now);
}

Purse& Budgets::open(std::initializer_list<std::string_view> holder, std::string_view kind, std::string_view who,
                     const model::Budget& budget, WallTime now) {
  holder_.clear();
  for (std::string_view part : holder) holder_.append(part);
  auto& slot = purses_[holder_];
  if (!slot) slot = std::make_unique<Purse>(std::string());
  slot->roll(now);
  const std::string_view known = slot->name;
  if (known.size() != kind.size() + who.size() || !known.starts_with(kind) || !known.ends_with(who))
    slot->name = std::string(kind).append(who);
  slot->limit(budget);
  return *slot;
}

Budgets::Purses Budgets::purses_of(const Payer& payer, WallTime now) {
  Purses out{};
  size_t count = 0;
  const std::string_view kind = payer.key_id.empty() ? "client " : "key ";
  if (payer.own != nullptr && payer.own->any()) {
    const bool keyed = !payer.key_id.empty();
    out[count++] = &open({keyed ? kHolderKey : kHolderClient, keyed ? payer.key_id : payer.name}, kind, payer.name,
                         *payer.own, now);
  } else if (const auto rule = rules_.clients.find(payer.name); payer.key_id.empty() && rule != rules_.clients.end()) {
    out[count++] = &open({kHolderClient, payer.name}, kind, payer.name, rule->second, now);
  }
  if (const model::Budget* rule = rule_of_team(payer.team)) {
    out[count++] = &open({kHolderTeam, payer.team}, "team ", payer.team, *rule, now);
  }
  return out;
}

std::optional<Budgets::Hold> Budgets::try_take(const Purses& purses, const CostBounds& bounds, Purse::Verdict& verdict,
                                               const Purse*& whose) {
  verdict = {};
  whose = nullptr;
  std::array<int64_t, 2> amounts{};
  for (size_t i = 0; i < purses.size() && purses[i] != nullptr; ++i) {
    amounts[i] = purses[i]->reserve_of(bounds, everyone_);
    const Purse::Verdict here = purses[i]->ask(bounds, amounts[i]);
    if (here.answer <= verdict.answer) continue;
    verdict = here;
    whose = purses[i];
  }
  if (verdict.answer != Purse::Answer::kFits) return std::nullopt;
  Hold hold;
  hold.budgets_ = this;
  hold.prices_ = prices_;
  for (size_t i = 0; i < purses.size() && purses[i] != nullptr; ++i) {
    hold.parts_[i] = {purses[i], purses[i]->take(amounts[i])};
    const bool strict = purses[i]->budget().reserve == model::Reserve::kStrict;
    hold.unknown_ = std::max(hold.unknown_, strict ? bounds.attempt : std::min(amounts[i], bounds.attempt));
  }
  return hold;
}

BudgetRefusal Budgets::refusal(const Purse& purse, const Purse::Verdict& verdict, const CostBounds& bounds) const {
  const std::string budget =
      "its budget of " + dollars_text(purse.limit(verdict.span)) + " " + std::string(span_word(verdict.span));
  const std::string ends = "it resets at " + utc_text(purse.resets_at(verdict.span)) + ". Ask " +
                           (rules_.contact.empty() ? "the relay's operator" : rules_.contact) + " for more.";
  switch (verdict.answer) {
    case Purse::Answer::kSpent: return {Reason::kSpent, "The " + purse.name + " has spent " + budget + "; " + ends};
    case Purse::Answer::kTooDear:
      return {Reason::kTooDear, "This call may cost up to " + dollars_text(bounds.call) + " and the " + purse.name +
                                    " has only " + dollars_text(purse.limit(verdict.span) - purse.spent(verdict.span)) +
                                    " left of " + budget + ", which is strict: send less or lower max_tokens; " + ends};
    case Purse::Answer::kLater:
    case Purse::Answer::kFits: break;
  }
  return {Reason::kWaited, "What the " + purse.name + " has left of " + budget +
                               " is reserved by calls under way. Send the request again when some of them have ended."};
}

void Budgets::leave(Ticket& ticket) {
  if (queue_.erase(ticket.place) == 0) return;
  for (Purse* purse : ticket.purses) {
    if (purse != nullptr) --purse->waiting;
  }
  if (ticket.state == Ticket::State::kGranted) {
    order_.served(ticket.tenant, ticket.place);
  } else {
    order_.left(ticket.tenant, ticket.size);
  }
  waiting_.store(queue_.size(), std::memory_order_relaxed);
}

// In order; who is held back by a purse holds back those behind it that want the same one.
void Budgets::serve(WallTime now, std::vector<TicketPtr>& woken) {
  std::vector<const Purse*> short_of;
  size_t failed = 0;
  for (auto at = queue_.begin(); at != queue_.end() && failed < kTriesMax;) {
    TicketPtr ticket = (at++)->second;
    const auto held_back = [&](const Purse* purse) {
      return purse != nullptr && std::ranges::find(short_of, purse) != short_of.end();
    };
    if (std::ranges::any_of(ticket->purses, held_back)) continue;
    for (Purse* purse : ticket->purses) {
      if (purse != nullptr) purse->roll(now);
    }
    Purse::Verdict verdict;
    const Purse* whose = nullptr;
    if (auto hold = try_take(ticket->purses, ticket->bounds, verdict, whose)) {
      ticket->hold = std::move(hold);
      ticket->state = Ticket::State::kGranted;
    } else if (verdict.answer == Purse::Answer::kLater) {
      ++failed;
      short_of.push_back(whose);
      continue;
    } else {
      ticket->refusal = refusal(*whose, verdict, ticket->bounds);
      ticket->state = Ticket::State::kRefused;
    }
    leave(*ticket);
    woken.push_back(std::move(ticket));
  }
}

void Budgets::wake(const std::vector<TicketPtr>& tickets) {
  for (const TicketPtr& ticket : tickets) {
    ticket->loop->post([ticket] { ticket->slot.notify(); });
  }
}

void Budgets::warn(const Purse& purse, const std::array<std::optional<Purse::Warning>, 2>& warnings, WallTime now) {
  for (const auto& warning : warnings) {
    if (!warning) continue;
    if (warnings_.size() >= kWarningsMax) warnings_.pop_front();
    warnings_.push_back({.holder = purse.name,
                         .span = warning->span,
                         .percent = warning->percent,
                         .spent_nanodollars = purse.spent(warning->span),
                         .limit_nanodollars = purse.limit(warning->span),
                         .at = now,
                         .resets_at = purse.resets_at(warning->span)});
  }
}

void Budgets::finish(Hold& hold, std::optional<int64_t> cost, WallTime now) {
  std::vector<TicketPtr> woken;
  {
    std::lock_guard lock(mutex_);
    for (Hold::Part& part : hold.parts_) {
      if (part.purse == nullptr) continue;
      if (cost) {
        part.purse->roll(now);
        warn(*part.purse, part.purse->settle(part.taken, *cost), now);
      } else {
        part.purse->give_back(part.taken);
      }
      part.purse = nullptr;
    }
    if (cost && *cost > 0) everyone_.add(*cost);
    hold.prices_.reset();
    // Who gives back without having sent says no time: nothing has rolled over meanwhile that the next will not see.
    if (!queue_.empty()) serve(cost ? now : last_seen_, woken);
    last_seen_ = std::max(last_seen_, now);
  }
  wake(woken);
}

Task<std::expected<Budgets::Hold, BudgetRefusal>> Budgets::reserve(runtime::Loop& loop, runtime::Cancellation& cancel,
                                                                   Payer payer, CostBounds bounds, Instant until) {
  if (!known_.load(std::memory_order_relaxed)) {
    co_return std::unexpected(
        BudgetRefusal{Reason::kUnknown,
                      "What this key's budget has left is not known: the relay's ledger does not answer. Send the "
                      "request again later."});
  }
  TicketPtr ticket;
  {
    std::lock_guard lock(mutex_);
    const WallTime now = loop.wall();
    last_seen_ = std::max(last_seen_, now);
    const Purses purses = purses_of(payer, now);
    Purse::Verdict verdict;
    const Purse* whose = nullptr;
    // Nobody overtakes those who wait for one of its purses.
    const bool behind =
        std::ranges::any_of(purses, [](const Purse* purse) { return purse != nullptr && purse->waiting > 0; });
    auto hold = behind ? std::nullopt : try_take(purses, bounds, verdict, whose);
    if (hold) co_return std::move(*hold);
    if (!behind && verdict.answer != Purse::Answer::kLater) {
      co_return std::unexpected(refusal(*whose, verdict, bounds));
    }
    if (whose == nullptr) whose = purses[0];
    BudgetRefusal late = refusal(*whose, {Purse::Answer::kLater, verdict.span}, bounds);
    if (queue_.size() >= kWaitersMax) late.reason = Reason::kQueueFull;
    if (queue_.size() >= kWaitersMax || loop.now() >= until) co_return std::unexpected(std::move(late));
    ticket = std::make_shared<Ticket>();
    ticket->purses = purses;
    ticket->bounds = bounds;
    ticket->tenant = payer.name;
    ticket->loop = &loop;
    ticket->size = static_cast<double>(bounds.attempt);
    ticket->refusal = std::move(late);
    ticket->place = order_.enter(ticket->tenant, ticket->size);
    queue_.emplace(ticket->place, ticket);
    for (Purse* purse : purses) {
      if (purse != nullptr) ++purse->waiting;
    }
    waiting_.store(queue_.size(), std::memory_order_relaxed);
  }
  while (true) {
    co_await runtime::wait(loop, {.cancel = &cancel, .until = until, .slot = &ticket->slot});
    const bool over = cancel.cancelled() || loop.now() >= until;
    std::vector<TicketPtr> woken;
    std::optional<Hold> hold;
    bool ended = false;
    {
      std::lock_guard lock(mutex_);
      // A period may have ended meanwhile.
      if (ticket->state == Ticket::State::kWaiting) serve(loop.wall(), woken);
      if (over && ticket->state == Ticket::State::kWaiting) leave(*ticket);
      hold = std::move(ticket->hold);
      ticket->hold.reset();
      ended = over || ticket->state != Ticket::State::kWaiting;
      if (over && ticket->state == Ticket::State::kWaiting) serve(loop.wall(), woken);  // somebody else is first now
    }
    std::erase(woken, ticket);
    wake(woken);
    if (!ended) continue;
    if (cancel.cancelled()) co_return std::unexpected(BudgetRefusal{Reason::kCancelled, {}});
    if (hold) co_return std::move(*hold);
    co_return std::unexpected(std::move(ticket->refusal));
  }
}

std::vector<BudgetWarning> Budgets::take_warnings() {
  std::lock_guard lock(mutex_);
  std::vector<BudgetWarning> out(std::make_move_iterator(warnings_.begin()), std::make_move_iterator(warnings_.end()));
  warnings_.clear();
  return out;
}

std::optional<Budgets::Standing> Budgets::standing(const std::string& holder, Span span) const {
  std::lock_guard lock(mutex_);
  const auto found = purses_.find(holder);
  if (found == purses_.end()) return std::nullopt;
  return Standing{found->second->spent(span), found->second->reserved(span), found->second->limit(span),
                  found->second->resets_at(span)};
}

}  // namespace baton::ledger
