// Call: everything the relay knows of one client request while it is served. A value on the frame of Relay::serve.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/authenticator.h"
#include "base/units.h"
#include "dialect/anthropic_call.h"
#include "edge/exchange.h"
#include "model/outcome.h"
#include "model/route.h"
#include "reuse/digest.h"

namespace baton::relay {

struct Call {
  edge::Exchange& exchange;
  model::Outcome outcome = {};
  model::Route route = {};
  auth::Caller caller = {};
  auth::Permit permit = {};  // of the caller's key, while the call is served
  Duration retry_after{0};   // goes with a refusal, when the time is known
  dialect::CallFacts facts = {};
  bool passthrough = false;                       // with the caller's own credential
  std::optional<std::string> bound_account = {};  // the object named belongs to it
  std::optional<reuse::Digest> keep_as = {};      // a good answer to this call is kept under it
  bool resumable = false;                         // the client may come back to its stream
  bool may_join = false;                          // an answer that is under way for another call will do
  runtime::Cancellation* outlives = nullptr;      // ends the upstream call instead of the client's leaving
  Instant until = {};                             // the end of the whole call
  std::optional<Instant> retry_at = {};           // when an account could take it, where none could in time
  Instant began = {};                             // real time, at the head's first byte

  // What ends the call towards the upstream.
  runtime::Cancellation& cancel() const { return outlives != nullptr ? *outlives : exchange.cancel(); }
  std::string_view request_id() const { return outcome.request_id; }
  // May be sent again, elsewhere, while nothing has gone to the client.
  bool repeatable() const { return !route.streams_body && !route.creates; }
};

}  // namespace baton::relay
