// What is journalled of a call, so that a killed process leaves none unbooked that a client has seen the end of.
// Thread: the call's loop.
#pragma once

#include "relay/call.h"
#include "relay/parts.h"
#include "stream/event_follower.h"
#include "stream/pump.h"

namespace baton::relay {

// Before anything is sent. kStore: then it must not be.
Expected<void> intend(const Parts& parts, Call& call);
// Before the client has the last byte, once. `status` is what it is answered with.
void seal(const Parts& parts, Call& call, int status);

// What the follower of a stream knows, in the outcome.
void book_stream(Call& call, const stream::EventFollower& follower, size_t attempt);

// Seals a stream when what is forwarded holds its end: then a client may have seen all that it waits for. Passes
// everything on to another tee, if there is one. Life: on the frame that pumps; borrows all.
class SealingTee final : public stream::Tee {
 public:
  SealingTee(const Parts& parts, Call& call, const stream::EventFollower* follower, size_t attempt, stream::Tee* next)
      : parts_(parts), call_(call), follower_(follower), attempt_(attempt), next_(next) {}
  void take(std::string_view bytes) override;

 private:
  const Parts& parts_;
  Call& call_;
  const stream::EventFollower* follower_;
  size_t attempt_;
  stream::Tee* next_;
  bool sealed_ = false;
};

}  // namespace baton::relay
