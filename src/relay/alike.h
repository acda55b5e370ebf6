// Answers to the same question in other words, in the walk: looked for where the exact one is not kept, where the
// operator's rules and the caller allow it, and where the call is nothing but text. Whatever is not served teaches: the
// upstream's answer is compared with the one that was found. Bounds: similar/config.h.
#pragma once

#include <optional>

#include "relay/kept.h"
#include "reuse/rules.h"

namespace baton::relay {

// Of a call that has call.keep_as. Notes in the outcome what was found.
std::optional<KeptAnswer> find_alike(const Parts& parts, Call& call, reuse::Digester& digester,
                                     const reuse::Rules& rules);

// The call's own answer came to its good end; `stored`: it is kept. For calls that have call.alike.
void learn_alike(const Parts& parts, const Call& call, const reuse::Finished& reply, bool stored);

}  // namespace baton::relay
