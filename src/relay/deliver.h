// Delivery: the chosen answer on its way to the client, and what it leaves in the outcome.
#pragma once

#include "relay/answer.h"
#include "relay/call.h"
#include "relay/parts.h"
#include "stream/pump.h"

namespace baton::relay {

// Sends the answer, which is spent then. Whatever happens is in call.outcome afterwards; nothing is left to be
// answered.
runtime::Task<void> deliver(const Parts& parts, Call& call, Answer& answer);

// What the parts of a delivery share, whoever reads the reply.
model::Ending ending_of(stream::PumpEnd end);
// What ends a reply that was cut like this.
Error error_of(stream::PumpEnd end);
void book_stream(Call& call, const Answer& answer, model::Attempt& attempt);
// The pool learns what the call has used of its account's limits; only of a `complete` reply that is known.
void settle(const Parts& parts, Call& call, Answer& answer, bool complete);

}  // namespace baton::relay
