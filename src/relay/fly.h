// Calls in flight: a call that may be reused and asks what is being asked already reads that answer instead of making
// a call of its own. The one that makes it is served like any reader; when its client leaves while others read, it
// stays until the reply has ended, for it owns the request, the account's lease and the outcome. Bounds: those of
// reuse::Flights; a reader waits for the first byte no longer than its own client does.
#pragma once

#include "relay/call.h"
#include "relay/parts.h"

namespace baton::relay {

// True: answered, whatever came of it; false: the call is to be made by itself, and nothing has gone to the client.
// Errors are those of attempt_all().
runtime::Task<Expected<bool>> fly(const Parts& parts, Call& call);

}  // namespace baton::relay
