// WaitingRoom: the bounded queue of calls that no account can take now. Tenants are served in FairOrder, and of one
// tenant's calls of a class the urgent ones first; a call is passed kPassedMax times at most. Calls go as soon as an
// account can take them: when one ends, when an answer brings news, and at the earliest time the pool knows. A call
// that waits for nothing in particular holds back those of its class and groups behind it, so that a large one is not
// overtaken for ever; one that waits for a certain account does not. Life: a member of the AccountPool. Thread: any; a
// waiting call is woken on its own loop. Bounds: QueueConfig::length_max; when full, the newest and least
// urgent call of the tenant with most of them makes room, or of the newcomer's own tenant one less urgent than it.
// kFailedTriesMax admissions tried in vain per turn.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "accounts/pool.h"
#include "base/fair_order.h"

namespace baton::accounts {

class WaitingRoom {
 public:
  WaitingRoom(AccountPool& pool, const QueueConfig& config) : pool_(pool), config_(config) {}

  runtime::Task<std::expected<Lease, Refusal>> wait(runtime::Loop& loop, runtime::Cancellation& cancel, Ask ask,
                                                    Instant until);
  // Serves whom it can.
  void serve(Instant now);
  size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kFailedTriesMax = 64;
  static constexpr uint32_t kPassedMax = 16;
  struct Ticket;
  using TicketPtr = std::shared_ptr<Ticket>;

  std::expected<TicketPtr, Refusal> enter(runtime::Loop& loop, const Ask& ask, Instant until, Instant now);
  // Takes it out of the queue if it is still there.
  void leave(Ticket& ticket);
  bool due(const Ticket& ticket, Instant now) const;
  TicketPtr make_room(const Ask& newcomer);
  // Moves it before its tenant's calls that are less urgent; each of them takes the place of the next.
  void pass(const TicketPtr& ticket);
  // Its tenant's calls that go before it.
  size_t of_its_tenant(const Ask& ask) const;
  bool less_urgent_wait(uint8_t priority) const;
  Instant expected_at(const Ask& ask, Instant earliest, Instant now) const;
  static void wake(const TicketPtr& ticket);

  AccountPool& pool_;
  const QueueConfig& config_;
  std::atomic<size_t> size_{0};
  mutable std::mutex mutex_;
  FairOrder order_;
  std::map<FairOrder::Place, TicketPtr> queue_;
  std::array<size_t, kPriorities> by_priority_{};  // how many of the queue
  struct Waiting {
    double calls = 0;
    Need need;
  };
  // The calls that wait for these groups, given as bits.
  Waiting ahead(LimitClass limits, uint64_t groups) const;
  std::array<std::map<uint64_t, Waiting>, kLimitClasses> waiting_;  // by class and groups
};

}  // namespace baton::accounts
