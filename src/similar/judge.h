// Judge: whether two answers say the same, as far as that can be told without understanding them. It rather says no: a
// no only delays or ends reuse in a scope. Life: pure. Thread: any. Bounds: kAnswerBytesMax each.
#pragma once

#include <optional>
#include <string_view>

#include "similar/embedder.h"

namespace baton::similar {

// Yes: the same text but for case, blanks and writing; or the same figures, units, dates, negations, opposites and
// code, lengths within a half, and near one another. Nothing: one is empty, too long or no text.
std::optional<bool> say_the_same(std::string_view a, std::string_view b, const Embedder& embedder);

}  // namespace baton::similar
