// A call as the operator's API shows it: no content, no credential.
// Thread: any; pure.
#pragma once

#include <optional>
#include <string_view>

#include "admin/json_writer.h"
#include "ledger/call_list.h"
#include "model/outcome.h"

namespace baton::admin {

// The members of a call, without the braces around them and without its attempts. `cache`: what the reply cache had to
// do with it, or empty.
void write_call(JsonWriter& json, const ledger::BookedCall& call, std::string_view cache = {});
void write_attempt(JsonWriter& json, const ledger::BookedAttempt& attempt);

// A call that has just closed, as the ledger will have it; without its cost, which is known when it is booked.
ledger::BookedCall booked(const model::Outcome& outcome);

}  // namespace baton::admin
