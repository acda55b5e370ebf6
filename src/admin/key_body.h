// KeyBody: what a request's body says of a key or a team: facts of a new one, or what is to change of one there is.
// A member that is null means none, no limit; one that is not there stays as it is.
// Thread: any; pure. Bounds: those of request_body.h and auth/right_rules.h.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "auth/key_store.h"
#include "base/error.h"

namespace baton::admin {

// kBadRequest with a sentence, both.
Expected<auth::NewKey> read_new_key(std::string_view body, WallTime now);
// What the body changes, to be done to the key.
using KeyEdit = std::function<void(auth::StoredKey&)>;
Expected<KeyEdit> read_key_edit(std::string_view body, WallTime now);

// Of {"budget": {"day": "50", "month": "500", "reserve": "strict"}}; without limits for null. kBadRequest.
Expected<model::Budget> read_team_edit(std::string_view body);

// "90s", "15m", "12h", "30d".
std::optional<Duration> duration_of(std::string_view text);

}  // namespace baton::admin
