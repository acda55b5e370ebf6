// The attempts of a call: an account, a try, its verdict; again while the verdict says so and nothing has gone to the
// client. Source: the promises on repetition in ARCHITECTURE.md; the vendor's rules for gateways (read 2026-11).
#pragma once

#include "relay/answer.h"
#include "relay/call.h"
#include "relay/parts.h"

namespace baton::relay {

// Makes Attempts until one is to be delivered. Error: no upstream gave an answer at all (the last failure), or the
// client has gone.
runtime::Task<Expected<AnswerPtr>> attempt_all(const Parts& parts, Call& call);

}  // namespace baton::relay
