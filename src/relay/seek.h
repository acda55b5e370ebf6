// Seeker: how one call comes to an account: what it asks of the pool, how long it may wait for it, and when it may come
// back to an account that it has tried. Life: on the frame of attempt_all(). Thread: the loop's. Bounds: all waits of a
// call together at most queue.max_wait, and none beyond the time at which its first byte would come too late for the
// client.
#pragma once

#include <optional>
#include <vector>

#include "relay/call.h"
#include "relay/parts.h"

namespace baton::relay {

class Seeker {
 public:
  // Borrows both for its life.
  Seeker(const Parts& parts, Call& call);

  // The first account. kNoAccount: none ever (Retry::kNever), or none in time (Retry::kLater, call.retry_at is set);
  // kCancelled.
  runtime::Task<Expected<accounts::Lease>> first();
  // Another account than those tried, at once, or nothing.
  std::optional<accounts::Lease> other();
  // Whether waiting may lead to one, those tried included, given how the last attempt went.
  bool may_wait(const accounts::Verdict& verdict);
  // What may_wait() promised. Errors as first().
  runtime::Task<Expected<accounts::Lease>> wait();

  void tried(accounts::AccountIndex index) { tried_.push_back(index); }
  const accounts::Ask& ask() const { return ask_; }

 private:
  // Lets another call go first that is writing this one's prefix to a prompt cache.
  runtime::Task<Expected<void>> follow();
  // Until when it may wait from now on.
  Instant until() const;
  Expected<accounts::Lease> taken(accounts::Lease lease);
  std::unexpected<Error> refused(const accounts::Refusal& refusal);

  const Parts& parts_;
  Call& call_;
  std::vector<accounts::AccountIndex> tried_;
  std::vector<uint8_t> allowed_;  // as Ask::allowed
  accounts::Ask ask_;
  bool smoothed_ = false;
  Instant deadline_{};
  Duration waited_{0};
  uint32_t pauses_ = 0;
};

}  // namespace baton::relay
