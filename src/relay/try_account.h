// One try at one account: a connection, the request, the answer's beginning, the verdict on it; booked as an Attempt,
// and the pool has learnt from it. Life: the frames of one Attempt. Thread: the loop's. Bounds: the timeouts of
// upstream::Config; two Attempts where a pooled connection was stale.
#pragma once

#include <optional>

#include "accounts/verdict.h"
#include "relay/answer.h"
#include "relay/call.h"
#include "runtime/cancel.h"

namespace baton::relay {

struct TryOptions {
  runtime::Cancellation& cancel;           // ends this try
  upstream::BodySource* source = nullptr;  // of a body that is not held
  bool fresh = false;                      // no pooled connection
};

struct Tried {
  AnswerPtr answer = std::make_unique<Answer>();
  accounts::AccountIndex index = 0;
  accounts::EndpointIndex endpoint = 0;
  accounts::Verdict verdict;
  std::optional<Error> failure;  // there is no answer
  bool resent = false;           // the request was sent twice, and the first time may have been processed

  // Nothing of the request has left.
  bool unsent() const;
};

runtime::Task<Tried> try_account(const Parts& parts, Call& call, accounts::Lease lease, TryOptions options);

}  // namespace baton::relay
