// weigh(): the most that one attempt at a Messages call can be charged for, read off its body without parsing it.
// A byte is taken for a token; a picture for kImageTokens beside its bytes; a document, a file, anything behind a URL
// and what hides its name behind an escape for the model's whole context; the vendor's own tools for as many rounds,
// each with the whole context, as they may take. So it is far above what usual calls cost, and never below it.
// Thread: any; pure. Bounds: no look at the body, where it has none of the vendor's tools.
// Source: vendor pages on vision, PDF, context windows and server tools (read 2026-11).
#pragma once

#include <optional>
#include <string_view>

#include "dialect/body_names.h"
#include "model/budget.h"

namespace baton::dialect {

inline constexpr int64_t kContextTokens = 1'000'000;     // of the largest model
inline constexpr int64_t kOutputTokensMax = 256'000;     // where the body does not say
inline constexpr int64_t kImageTokens = 5'000;           // a picture at full resolution
inline constexpr int64_t kUnseenTokens = 4'000;          // what the vendor puts before a prompt with tools
inline constexpr int64_t kServerToolRounds = 10;         // the vendor pauses the turn after so many
inline constexpr int64_t kServerToolUsesUnlimited = 40;  // where `max_uses` is not stated

// `text` is a Messages body, valid JSON, not coded; `names` are what names_in() found in it.
model::CallWeight weigh(std::string_view text, const BodyNames& names, std::optional<int64_t> max_tokens);

}  // namespace baton::dialect
