// Call: everything the relay knows of one client request while it is served. A value on the frame of Relay::serve.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/prompt_writes.h"
#include "auth/authenticator.h"
#include "auth/token_rate.h"
#include "base/byte_budget.h"
#include "base/units.h"
#include "dialect/anthropic_call.h"
#include "edge/exchange.h"
#include "http/content_coding.h"
#include "ledger/budgets.h"
#include "model/budget.h"
#include "model/outcome.h"
#include "model/route.h"
#include "relay/likeness.h"
#include "relay/warm_copy.h"
#include "reuse/digest.h"
#include "reuse/reply_store.h"
#include "reuse/rules.h"
#include "reuse/shared_codec.h"

namespace baton::relay {

// A body that goes upstream in place of the client's; it has no content coding.
struct Wording {
  std::string body;
  BudgetShare share;
};

// Under what, and how, a kept answer was looked for and not found.
struct Asked {
  reuse::Digest digest;
  reuse::Rules rules;
};

struct Call {
  edge::Exchange& exchange;
  model::Outcome outcome = {};
  model::Route route = {};
  auth::Caller caller = {};
  auth::Permit permit = {};     // of the caller's key, while the call is served
  auth::TokenHold tokens = {};  // taken of its minute
  Duration retry_after{0};      // goes with a refusal, when the time is known
  dialect::CallFacts facts = {};
  std::optional<Duration> patience = {};               // what a Messages call's head says of how long its client waits
  std::optional<model::CallWeight> weight = {};        // of a call that somebody's budget pays for
  ledger::Budgets::Hold hold = {};                     // what it has taken of budgets
  bool shed = false;                                   // refused because the process has no memory for it
  bool passthrough = false;                            // with the caller's own credential
  std::optional<std::string> bound_account = {};       // the object named belongs to it
  std::optional<reuse::Digest> keep_as = {};           // a good answer to this call is kept under it
  std::shared_ptr<const reuse::KeptReply> spare = {};  // a stale reply that will do in place of an error
  std::unique_ptr<Likeness> alike = {};                // what an answer to the same in other words is judged by
  std::optional<Asked> asked = {};                     // an answer that another relay has kept will do
  std::unique_ptr<WarmCopy> warm = {};                 // to ask for its prompt once more
  Warming* warming = nullptr;                          // it does that
  bool refreshes = false;                              // nobody waits for its answer
  uint64_t purges = 0;                                 // of the reply cache, when it was looked at
  reuse::PurgePoint shared_point = {};                 // of the replies that relays share, then
  bool resumable = false;                              // the client may come back to its stream
  bool may_join = false;                               // an answer that is under way for another call will do
  runtime::Cancellation* outlives = nullptr;           // ends the upstream call instead of the client's leaving
  Instant until = {};                                  // the end of the whole call
  std::optional<Instant> retry_at = {};                // when an account could take it, where none could in time
  accounts::PromptWrites::Lead lead = {};              // others wait for this call's first byte
  Instant began = {};                                  // real time, at the head's first byte

  std::optional<Wording> wording = {};  // once another model is asked than the client's

  std::optional<Wording> plain = {};  // of a body that came in a coding which only a Baton understands

  // What goes upstream, of a body that is held whole.
  std::string_view body() const {
    if (wording) return wording->body;
    return plain ? std::string_view(plain->body) : exchange.body();
  }
  // The body is not what the client sent, and has no coding any more.
  bool reworded() const { return wording.has_value() || plain.has_value(); }
  http::Coding client_coding() const {
    const auto* field = exchange.head().find(http::FieldId::kContentEncoding);
    return field == nullptr ? http::Coding::kIdentity : http::parse_coding(field->value);
  }
  // What ends the call towards the upstream.
  runtime::Cancellation& cancel() const { return outlives != nullptr ? *outlives : exchange.cancel(); }
  std::string_view request_id() const { return outcome.request_id; }
  // May be sent again, elsewhere, while nothing has gone to the client.
  bool repeatable() const { return !route.streams_body && !route.creates; }
};

}  // namespace baton::relay
