// Rewording: a call's body with another model's name in it. Everything else is byte for byte the client's; a gzip body
// is decoded once and goes on as it is then. Thread: the loop's. Bounds: the copy is charged to the replies' budget.
#pragma once

#include <string_view>

#include "base/byte_budget.h"
#include "relay/call.h"

namespace baton::relay {

// What is to go upstream in place of the client's body. Nothing when there is no room for it, or the body names no
// model. `body` is borrowed for the call and has http::kJsonPadding behind it.
std::optional<Wording> reword(ByteBudget& budget, std::string_view body, http::Coding coding, size_t body_bytes_max,
                              std::string_view model);

}  // namespace baton::relay
