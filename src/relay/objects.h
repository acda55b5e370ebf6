// Objects: batches and files belong to the account that made them. Which one that was is remembered, later calls go
// there, and links in answers lead back to the relay.
#pragma once

#include <optional>
#include <string>

#include "relay/answer.h"
#include "relay/call.h"
#include "relay/parts.h"

namespace baton::relay {

// The account that owns what this call names: in its path, in after_id/before_id, or in a file_id of a Messages body.
// Nothing when it names nothing, or nothing known.
std::optional<std::string> owner_of(const Parts& parts, const Call& call);

// Looks at a whole answer: remembers a new object's owner, forgets a deleted one, and puts the relay's own origin into
// results_url.
void take_in_object(const Parts& parts, Call& call, Answer& answer);

// Replaces the origin of every results_url in a JSON text. Pure.
std::string with_results_url(std::string_view json, std::string_view origin);

}  // namespace baton::relay
