// Budgets in the walk of a call: what it may cost is reserved before anything is sent, and what it did cost is settled
// when it is closed. Calls that nobody limits pass all of this with one look.
// Thread: the call's loop. Bounds: a call waits at most queue.max_wait for others to settle.
#pragma once

#include "relay/call.h"
#include "relay/parts.h"

namespace baton::relay {

// kForbidden: the caller has a budget in dollars, and what this operation costs cannot be told in advance (a batch, an
// endpoint that is not known).
Expected<void> allow_operation(const Parts& parts, const Call& call);
// Whether the call costs money that somebody limits: then it is to be weighed.
bool spends_budget(const Parts& parts, const Call& call);
// For a call that was weighed. kBudgetSpent, kRateLimited after a wait, kForbidden for a model without a price,
// kCancelled.
runtime::Task<Expected<void>> reserve_budget(const Parts& parts, Call& call);
// What the call counts for, as far as its attempts are known: into the outcome where that is not their cost. Where it
// is not known what an attempt cost, the call counts for what it had reserved. Gives it. For calls that hold something
// of a budget; nothing is done for others.
int64_t charge(Call& call);
// Once, when the outcome is complete.
void settle_budget(const Parts& parts, Call& call);

}  // namespace baton::relay
