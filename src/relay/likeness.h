// Likeness: what a call knows of answers to other questions that ask the same in other words. Life: with its Call, from
// the look until the reply has been kept. Thread: the call's loop.
#pragma once

#include <memory>

#include "reuse/reply_store.h"
#include "similar/memory.h"

namespace baton::relay {

struct Likeness {
  similar::Name scope;
  similar::Question question;
  similar::Policy policy;
  similar::Found found;
  std::shared_ptr<const reuse::KeptReply> other;  // the answer found, where there is one
};

}  // namespace baton::relay
