// Verdict: from how an Attempt went to what happens next, and to what it says of the account. One table; everything
// else asks it. Pure. Source: the vendor's error types and codes (read 2026-11); what may be repeated: RFC 9110 9.2.2
// and the promise that a call which may have been processed is repeated at most once, one that creates something never.
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
  // Of a 429:
  bool retry_after = false;          // it has one
  bool limit_fields = false;         // it states limits
  std::string_view error_code = {};  // details.error_code
};

enum class Next : uint8_t {
  kDeliver,       // this is the answer
  kOtherAccount,  // try another account, nothing was processed
  kOnceMore,  // another account if there is one, else the same; only if nothing of this kind happened before in this
              // call
};

// When the same account may be asked again, should no other one be there.
enum class Wait : uint8_t {
  kNever,    // by this call
  kAccount,  // when the account itself may be: it said so
  kBackoff,  // after a pause of our own
};

// What the account learns from it.
enum class Effect : uint8_t {
  kNothing,       // neither here nor there
  kServed,        // it does its work
  kLimited,       // nothing may be sent before the time it named
  kSpendCap,      // nothing may be sent this month
  kUnauthorized,  // its credential or its purse is bad
  kForbidden,     // not for this model
  kOverloaded,    // others first for a moment
  kFailed,        // counts against its health
};

struct Verdict {
  model::AttemptResult result = model::AttemptResult::kOk;
  Next next = Next::kDeliver;
  bool may_have_been_processed = false;
  Wait wait = Wait::kNever;
  Effect effect = Effect::kNothing;
  // The account's bench bounds such repetitions already, so that they are not taken from the retry budget.
  bool unbudgeted() const { return effect == Effect::kLimited || effect == Effect::kSpendCap; }
};

Verdict judge(const AttemptEnd& end);

}  // namespace baton::accounts
