// Turns: of relays that share their replies one makes a call, and the others that are asked the same wait for its
// reply. Where single-flight applies and nowhere else. Bounds: SharedConfig.wait_max, the client's patience, the call's
// own end; whoever makes the call and dies is waited for SharedReplies::kLeaseTime at most. What is under way at
// another relay is not read along: its reply is there when it is whole.
#pragma once

#include <memory>

#include "relay/call.h"
#include "relay/parts.h"
#include "reuse/shared_replies.h"

namespace baton::relay {

struct TurnTaken {
  reuse::SharedReplies::Lease lease = {};                   // held until the call has been made
  std::shared_ptr<const reuse::KeptReply> reply = nullptr;  // that another relay was given meanwhile
  bool waited = false;                                      // for it
  bool other_refreshes = false;                             // this call only makes anew what another makes anew
};

// Returns when it is this call's turn, when there is a reply, or when waiting has no sense any more. `cancel`: of the
// call towards the upstream.
runtime::Task<TurnTaken> take_turn(const Parts& parts, Call& call, runtime::Cancellation& cancel);

}  // namespace baton::relay
