// From a head that has come to an Answer that can be judged: a stream's opening is held, a Message is taken in whole.
// Life: the frames of one Attempt. Thread: the loop's. Bounds: stream::Config; what is spared kSparedBytesMax.
#pragma once

#include "relay/answer.h"
#include "relay/call.h"
#include "runtime/cancel.h"

namespace baton::relay {

// How long the first byte of an answer to this call may take.
Duration first_byte_limit(const Parts& parts, const Call& call);

// Reads from answer.reply, whose head is there, as much as has to be known before anything is forwarded. Success:
// whether it is a stream that begins with an error. Errors, with nothing forwarded: kReset, kBadReply, kTimeout,
// kCancelled. Books the usage that it read.
runtime::Task<Expected<bool>> receive(const Parts& parts, Call& call, Answer& answer, runtime::Cancellation& cancel);

// Takes an answer that will perhaps not be delivered off its connection. Gives whether it came whole.
runtime::Task<bool> spare(const Parts& parts, Call& call, Answer& answer);

}  // namespace baton::relay
