// A client comes back to a stream that it was dropped from: GET /baton/streams/{token}, with the last event it has seen
// in Last-Event-ID. Nothing is asked of an upstream, and nothing is booked but the call.
#pragma once

#include "relay/call.h"
#include "relay/parts.h"

namespace baton::relay {

// Whether the caller wants to be able to come back (baton-resume: on). kBadRequest: the field came twice or says
// something else.
Expected<bool> wants_resume(const http::RequestHead& head);

// Serves what follows. kNotFound: no such stream, not any more, not this caller's, or what follows is not held any
// more; kBadRequest: a Last-Event-ID that is none of ours.
runtime::Task<Expected<void>> resume(const Parts& parts, Call& call);

}  // namespace baton::relay
