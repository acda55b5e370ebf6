// Verdict: from how an Attempt went to what happens next. One table; everything else asks it.
// Pure. Source: the vendor's error types (read 2026-11); what may be repeated: RFC 9110 9.2.2 and the promise that a
// call which may have been processed is repeated at most once, one that creates something never.
#pragma once

#include <string_view>

#include "base/error.h"
#include "model/outcome.h"

namespace baton::accounts {

struct AttemptEnd {
  int status = 0;                          // of the upstream's answer; 0 when there was none
  ErrorCode error = ErrorCode::kInternal;  // when there was no answer
  bool early_error = false;  // a 2xx stream whose first event other than message_start and ping was an error
  bool reused_connection = false;
};

enum class Next : uint8_t {
  kDeliver,       // this is the answer
  kOtherAccount,  // try another account, nothing was processed
  kOnceMore,  // another account if there is one, else the same; only if nothing of this kind happened before in this
              // call
};

struct Verdict {
  model::AttemptResult result = model::AttemptResult::kOk;
  Next next = Next::kDeliver;
  bool may_have_been_processed = false;
};

Verdict judge(const AttemptEnd& end);

}  // namespace baton::accounts
