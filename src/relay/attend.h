// A reader's side of a flight: wait until the reply begins, and hand it to the client as it comes.
#pragma once

#include "relay/call.h"
#include "relay/parts.h"
#include "reuse/flight.h"

namespace baton::relay {

// Waits until the flight is no longer about to begin: the phase it is in; until `over` says that there is nothing to
// wait for (null: never). kTimeout: not before `until`; kCancelled.
runtime::Task<Expected<reuse::Flight::Phase>> wait_for_reply(const Parts& parts, Call& call, reuse::Seat& seat,
                                                             Instant until, const bool* over);

// Sends the reply, once it has begun; `fields` are lines of this call's own. What became of it is in the outcome.
// False: the reader came too late to have everything, and nothing was sent.
runtime::Task<bool> attend(const Parts& parts, Call& call, reuse::Seat& seat, std::string_view fields);

}  // namespace baton::relay
