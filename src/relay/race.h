// A hedged try: when the first attempt has not begun to answer after a while, a second one is made beside it at another
// account, and the first good answer wins. The other is cancelled and stays booked, for it may have been processed.
// Only for calls that may be repeated and whose body is held. Life: the frames of one try. Thread: the loop's. Bounds:
// two attempts, within Hedging's budget.
#pragma once

#include "relay/seek.h"
#include "relay/try_account.h"

namespace baton::relay {

// `after`: from now on. The accounts of second attempts are noted as tried. With a second attempt Tried::resent is set.
// Without a good answer of either, the last to end is given.
runtime::Task<Tried> race(const Parts& parts, Call& call, accounts::Lease lease, bool fresh, Duration after,
                          Seeker& seeker);

}  // namespace baton::relay
