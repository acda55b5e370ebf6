#include "accounts/waiting_room.h"

#include <algorithm>
#include <vector>

namespace baton::accounts {

namespace {

// What a call costs in fair order: a call's share of requests, and its tokens at their usual price.
double cost(const Need& need) { return 500 + need.input_tokens + 5 * need.output_tokens; }

// Waits for nothing in particular.
bool open(const Ask& ask) { return ask.tried.empty() && !ask.only; }

// The groups that it may go to, as bits.
uint64_t groups_of(const Ask& ask) {
  if (ask.chain == nullptr) return ~uint64_t{0};
  uint64_t bits = 0;
  for (size_t group = 0; group < kGroupsMax; ++group) {
    if (ask.chain->rank[group] != Chain::kNotIn && ask.chain->rank[group] >= ask.rank_from)
      bits |= uint64_t{1} << group;
  }
  return bits;
}

constexpr Duration kLeastWait = std::chrono::milliseconds(1);
constexpr Duration kNextTurn = std::chrono::milliseconds(20);

}  // namespace

struct WaitingRoom::Ticket {
  enum class State : uint8_t { kWaiting, kGranted, kPushedOut };
  Ask ask;
  uint64_t groups = 0;
  runtime::Loop* loop = nullptr;
  runtime::Slot slot;  // its loop's
  FairOrder::Place place;
  uint32_t passed = 0;
  // Under the room's mutex:
  State state = State::kWaiting;
  std::optional<Lease> lease;
  Instant check_at = runtime::kNever;  // when it is to call serve()
};

void WaitingRoom::wake(const TicketPtr& ticket) {
  ticket->loop->post([ticket] { ticket->slot.notify(); });
}

Instant WaitingRoom::expected_at(const Ask& ask, Instant earliest, Instant now) const {
  if (!open(ask)) return earliest;
  // In fair order at most so many calls go before: all, or as many of each tenant as this one has.
  const uint64_t groups = groups_of(ask);
  const Waiting before = ahead(ask.limits, groups);
  const double calls = before.calls;
  double share = 1;
  const size_t own = of_its_tenant(ask);
  if (own * order_.tenants_waiting() < queue_.size()) {
    const double fair = static_cast<double>((own + 1) * (order_.tenants_waiting() + 1));
    if (calls > fair) share = fair / calls;
  }
  const Need need{before.need.input_tokens * share + ask.need.input_tokens,
                  before.need.output_tokens * share + ask.need.output_tokens};
  return std::max(earliest, now + pool_.expected_wait(ask.limits, need, calls * share + 1, groups, now));
}

WaitingRoom::Waiting WaitingRoom::ahead(LimitClass limits, uint64_t groups) const {
  Waiting sum;
  for (const auto& [theirs, waiting] : waiting_[static_cast<size_t>(limits)]) {
    if ((theirs & groups) == 0) continue;
    sum.calls += waiting.calls;
    sum.need.input_tokens += waiting.need.input_tokens;
    sum.need.output_tokens += waiting.need.output_tokens;
  }
  return sum;
}

bool WaitingRoom::less_urgent_wait(uint8_t priority) const {
  return std::any_of(by_priority_.begin(), by_priority_.begin() + priority, [](size_t count) { return count > 0; });
}

size_t WaitingRoom::of_its_tenant(const Ask& ask) const {
  const size_t all = order_.waiting(ask.tenant);
  if (all == 0 || !less_urgent_wait(ask.priority)) return all;
  return static_cast<size_t>(std::ranges::count_if(queue_, [&](const auto& one) {
    return one.second->ask.tenant == ask.tenant && one.second->ask.priority >= ask.priority;
  }));
}

WaitingRoom::TicketPtr WaitingRoom::make_room(const Ask& newcomer) {
  std::string_view longest = order_.longest();
  uint8_t below = kPriorities;
  if (order_.waiting(longest) <= order_.waiting(newcomer.tenant) + 1) {
    longest = newcomer.tenant;
    below = newcomer.priority;
  }
  TicketPtr least;
  for (auto at = queue_.rbegin(); at != queue_.rend(); ++at) {
    const TicketPtr& one = at->second;
    if (one->ask.tenant != longest || one->ask.priority >= below) continue;
    least = one;
    below = one->ask.priority;
    if (!less_urgent_wait(below)) break;
  }
  return least;
}

void WaitingRoom::pass(const TicketPtr& ticket) {
  if (order_.waiting(ticket->ask.tenant) < 2 || !less_urgent_wait(ticket->ask.priority)) return;
  TicketPtr moving = ticket;
  for (auto& [place, one] : queue_) {
    const bool end = one == ticket;
    if (!end) {
      if (one->ask.tenant != ticket->ask.tenant || one->ask.limits != ticket->ask.limits) continue;
      const bool stays =
          moving == ticket ? one->ask.priority >= ticket->ask.priority : one->ask.priority > moving->ask.priority;
      if (stays || one->passed >= kPassedMax) continue;
      ++one->passed;
    }
    std::swap(one, moving);
    one->place = place;
    if (end) return;
  }
}

std::expected<WaitingRoom::TicketPtr, Refusal> WaitingRoom::enter(runtime::Loop& loop, const Ask& ask, Instant until,
                                                                  Instant now) {
  const Instant earliest = pool_.earliest(ask, now);
  if (earliest == runtime::kNever) return std::unexpected(Refusal{RefusalReason::kNoAccount, runtime::kNever});
  auto ticket = std::make_shared<Ticket>();
  ticket->ask = ask;
  ticket->groups = groups_of(ask);
  ticket->loop = &loop;
  TicketPtr pushed_out;
  std::unique_lock lock(mutex_);
  const Instant expected = expected_at(ask, earliest, now);
  if (expected > until) return std::unexpected(Refusal{RefusalReason::kTooLate, expected});
  if (queue_.size() >= config_.length_max) {
    pushed_out = make_room(ask);
    if (!pushed_out) return std::unexpected(Refusal{RefusalReason::kQueueFull, expected});
    leave(*pushed_out);
    pushed_out->state = Ticket::State::kPushedOut;
  }
  ticket->place = order_.enter(ask.tenant, cost(ask.need), ask.share);
  ticket->check_at = earliest;
  queue_.emplace(ticket->place, ticket);
  ++by_priority_[ask.priority];
  pass(ticket);
  Waiting& waiting = waiting_[static_cast<size_t>(ask.limits)][ticket->groups];
  waiting.calls += 1;
  waiting.need.input_tokens += ask.need.input_tokens;
  waiting.need.output_tokens += ask.need.output_tokens;
  size_.store(queue_.size(), std::memory_order_relaxed);
  lock.unlock();
  if (pushed_out) wake(pushed_out);
  return ticket;
}

// Called with the mutex held.
void WaitingRoom::leave(Ticket& ticket) {
  if (queue_.erase(ticket.place) == 0) return;
  --by_priority_[ticket.ask.priority];
  auto& of_class = waiting_[static_cast<size_t>(ticket.ask.limits)];
  Waiting& waiting = of_class[ticket.groups];
  waiting.calls -= 1;
  waiting.need.input_tokens -= ticket.ask.need.input_tokens;
  waiting.need.output_tokens -= ticket.ask.need.output_tokens;
  if (waiting.calls < 0.5) of_class.erase(ticket.groups);
  if (ticket.state == Ticket::State::kGranted) {
    order_.served(ticket.ask.tenant, ticket.place);
  } else {
    order_.left(ticket.ask.tenant, cost(ticket.ask.need), ticket.ask.share);
  }
  size_.store(queue_.size(), std::memory_order_relaxed);
}

void WaitingRoom::serve(Instant now) {
  std::vector<TicketPtr> woken;
  {
    std::lock_guard lock(mutex_);
    std::array<uint64_t, kLimitClasses> blocked{};  // groups in which a call that came before waits, by class
    size_t failed = 0;
    for (auto at = queue_.begin(); at != queue_.end();) {
      TicketPtr ticket = (at++)->second;  // kept while it may leave the queue
      if (failed >= kFailedTriesMax) {
        ticket->check_at = std::max(ticket->check_at, now + kNextTurn);
        continue;
      }
      uint64_t& held_back = blocked[static_cast<size_t>(ticket->ask.limits)];
      if (open(ticket->ask) && (ticket->groups & ~held_back) == 0) {
        ticket->check_at = runtime::kNever;  // the one before it looks at the clock
        continue;
      }
      Admission admission = pool_.admit(ticket->ask, now);
      if (admission.lease) {
        ticket->lease = std::move(admission.lease);
        ticket->state = Ticket::State::kGranted;
        leave(*ticket);
        woken.push_back(std::move(ticket));
        continue;
      }
      ++failed;
      const Instant check = std::max(admission.at, now + kLeastWait);
      if (open(ticket->ask) && !admission.for_home) held_back |= ticket->groups;
      const bool earlier = check < ticket->check_at || ticket->check_at <= now;
      ticket->check_at = check;
      if (earlier) woken.push_back(std::move(ticket));
    }
  }
  for (const TicketPtr& ticket : woken) wake(ticket);
}

bool WaitingRoom::due(const Ticket& ticket, Instant now) const {
  std::lock_guard lock(mutex_);
  return ticket.state == Ticket::State::kWaiting && ticket.check_at <= now;
}

runtime::Task<std::expected<Lease, Refusal>> WaitingRoom::wait(runtime::Loop& loop, runtime::Cancellation& cancel,
                                                               Ask ask, Instant until) {
  auto entered = enter(loop, ask, until, loop.now());
  if (!entered) co_return std::unexpected(entered.error());
  TicketPtr ticket = std::move(*entered);
  serve(loop.now());
  while (true) {
    Instant check;
    std::optional<Lease> lease;
    bool pushed_out = false;
    const bool over = cancel.cancelled() || loop.now() >= until;
    {
      std::lock_guard lock(mutex_);
      if (over && ticket->state == Ticket::State::kWaiting) leave(*ticket);
      lease = std::move(ticket->lease);
      ticket->lease.reset();
      pushed_out = ticket->state == Ticket::State::kPushedOut;
      check = ticket->check_at;
    }
    if (lease && !cancel.cancelled()) co_return std::move(*lease);
    if (lease || over) {
      lease.reset();
      serve(loop.now());  // somebody else is the first now
      if (cancel.cancelled()) co_return std::unexpected(Refusal{RefusalReason::kCancelled, check});
      co_return std::unexpected(Refusal{RefusalReason::kTooLate, pool_.earliest(ask, loop.now())});
    }
    if (pushed_out) co_return std::unexpected(Refusal{RefusalReason::kQueueFull, pool_.earliest(ask, loop.now())});
    co_await runtime::wait(loop, {.cancel = &cancel, .until = std::min(check, until), .slot = &ticket->slot});
    if (due(*ticket, loop.now())) serve(loop.now());
  }
}

}  // namespace baton::accounts
