// Delivery: the chosen answer on its way to the client, and what it leaves in the outcome.
#pragma once

#include "relay/answer.h"
#include "relay/call.h"
#include "relay/parts.h"

namespace baton::relay {

// Sends the answer. Whatever happens is in call.outcome afterwards; nothing is left to be answered.
runtime::Task<void> deliver(const Parts& parts, Call& call, Answer answer);

}  // namespace baton::relay
