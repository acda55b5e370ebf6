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

namespace baton::relay {

struct Call {
  edge::Exchange& exchange;
  model::Outcome outcome = {};
  model::Route route = {};
  auth::Caller caller = {};
  dialect::CallFacts facts = {};
  bool passthrough = false;                       // with the caller's own credential
  std::optional<std::string> bound_account = {};  // the object named belongs to it
  Instant until = {};                             // the end of the whole call
  Instant began = {};                             // real time, at the head's first byte

  std::string_view request_id() const { return outcome.request_id; }
  // May be sent again, elsewhere, while nothing has gone to the client.
  bool repeatable() const { return !route.streams_body && !route.creates; }
};

}  // namespace baton::relay
