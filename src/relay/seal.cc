#include "relay/seal.h"

#include "relay/budget.h"

namespace baton::relay {

Expected<void> intend(const Parts& parts, Call& call) {
  std::optional<int64_t> reserved;
  if (call.hold) reserved = call.hold.reserved_nanodollars();
  return parts.ledger.intend(call.outcome, reserved);
}

void seal(const Parts& parts, Call& call, int status) {
  model::Outcome& outcome = call.outcome;
  if (outcome.journal[0] == nullptr || outcome.journal[1] != nullptr) return;
  charge(call);
  outcome.status = status;
  outcome.reply_body_bytes = call.exchange.writer().content_bytes();
  outcome.duration = parts.loop.now() - call.began;
  parts.ledger.seal(outcome);
}

void book_stream(Call& call, const stream::EventFollower& follower, size_t attempt) {
  model::Attempt& booked = call.outcome.attempts[attempt];
  call.outcome.events = follower.events();
  booked.usage = follower.facts().usage;
  booked.model = follower.facts().model;
  booked.usage_partial = !follower.facts().message_delta;
}

void SealingTee::take(std::string_view bytes) {
  if (!sealed_ && follower_ != nullptr && follower_->facts().message_stop) {
    sealed_ = true;
    book_stream(call_, *follower_, attempt_);
    seal(parts_, call_, call_.exchange.status());
  }
  if (next_ != nullptr) next_->take(bytes);
}

}  // namespace baton::relay
