#include "accounts/waiting_room.h"

#include <algorithm>
#include <vector>

namespace baton::accounts {

namespace {

// What a call costs in fair order: a call's share of requests, and its tokens at their usual price.
double cost(const Need& need) { return 500 + need.input_tokens + 5 * need.output_tokens; }

// Waits for nothing in particular.
bool open(const Ask& ask) { return ask.tried.empty() && !ask.only; }

constexpr Duration kLeastWait = std::chrono::milliseconds(1);
constexpr Duration kNextTurn = std::chrono::milliseconds(20);

}  // namespace

struct WaitingRoom::Ticket {
  enum class State : uint8_t { kWaiting, kGranted, kPushedOut };
  Ask ask;
  runtime::Loop* loop = nullptr;
  runtime::Slot slot;  // its loop's
  FairOrder::Place place;
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
  const Waiting& ahead = waiting_[static_cast<size_t>(ask.limits)];
  double calls = ahead.calls;
  double share = 1;
  if (order_.waiting(ask.tenant) * order_.tenants_waiting() < queue_.size()) {
    const double fair = static_cast<double>((order_.waiting(ask.tenant) + 1) * (order_.tenants_waiting() + 1));
    if (calls > fair) share = fair / calls;
  }
  const Need need{ahead.need.input_tokens * share + ask.need.input_tokens,
                  ahead.need.output_tokens * share + ask.need.output_tokens};
  return std::max(earliest, now + pool_.expected_wait(ask.limits, need, calls * share + 1, now));
}

WaitingRoom::TicketPtr WaitingRoom::make_room(std::string_view newcomer) {
  const std::string_view longest = order_.longest();
  if (order_.waiting(longest) <= order_.waiting(newcomer) + 1) return nullptr;
  for (auto at = queue_.rbegin(); at != queue_.rend(); ++at) {
    if (at->second->ask.tenant == longest) return at->second;
  }
  return nullptr;
}

std::expected<WaitingRoom::TicketPtr, Refusal> WaitingRoom::enter(runtime::Loop& loop, const Ask& ask, Instant until,
                                                                  Instant now) {
  const Instant earliest = pool_.earliest(ask, now);
  if (earliest == runtime::kNever) return std::unexpected(Refusal{RefusalReason::kNoAccount, runtime::kNever});
  auto ticket = std::make_shared<Ticket>();
  ticket->ask = ask;
  ticket->loop = &loop;
  TicketPtr pushed_out;
  std::unique_lock lock(mutex_);
  const Instant expected = expected_at(ask, earliest, now);
  if (expected > until) return std::unexpected(Refusal{RefusalReason::kTooLate, expected});
  if (queue_.size() >= config_.length_max) {
    pushed_out = make_room(ask.tenant);
    if (!pushed_out) return std::unexpected(Refusal{RefusalReason::kQueueFull, expected});
    leave(*pushed_out);
    pushed_out->state = Ticket::State::kPushedOut;
  }
  ticket->place = order_.enter(ask.tenant, cost(ask.need), ask.share);
  ticket->check_at = earliest;
  queue_.emplace(ticket->place, ticket);
  Waiting& waiting = waiting_[static_cast<size_t>(ask.limits)];
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
  Waiting& waiting = waiting_[static_cast<size_t>(ticket.ask.limits)];
  waiting.calls -= 1;
  waiting.need.input_tokens -= ticket.ask.need.input_tokens;
  waiting.need.output_tokens -= ticket.ask.need.output_tokens;
  if (waiting.calls < 0.5) waiting = {};
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
    unsigned blocked = 0;  // classes, as bits
    size_t failed = 0;
    for (auto at = queue_.begin(); at != queue_.end();) {
      TicketPtr ticket = (at++)->second;  // kept while it may leave the queue
      if (failed >= kFailedTriesMax) {
        ticket->check_at = std::max(ticket->check_at, now + kNextTurn);
        continue;
      }
      const unsigned bit = 1u << static_cast<unsigned>(ticket->ask.limits);
      if (open(ticket->ask) && (blocked & bit) != 0) {
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
      if (open(ticket->ask) && !admission.for_home) blocked |= bit;
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
