// MemoryState: what similarity has learnt, as a file's text, so that a restart need not prove it anew: the evidence of
// each scope. Not the questions: they are remembered again as they are asked. A scope is named by the digest of its
// call, which stays the same from one process to the next.
// What was learnt holds for the tables, weights and form that it was learnt under: they have one fingerprint, and a
// text with another one, a broken one, or one that is too old teaches nothing.
// Life: pure. Thread: any. Bounds: kSavedScopesMax scopes, 112 bytes each; with a SHA-256 over all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "base/units.h"
#include "similar/embedder.h"
#include "similar/evidence.h"

namespace baton::similar {

inline constexpr size_t kSavedScopesMax = 16 * 1024;
inline constexpr Duration kSavedAgeMax = std::chrono::hours(31 * 24);

struct SavedScope {
  Sha256 identity{};
  Evidence::Learnt learnt;
  WallTime off_until{};  // its breaker's; before now: it is on
};

struct MemoryState {
  WallTime saved{};
  uint64_t audited = 0, wrong = 0;
  std::vector<SavedScope> scopes;  // used last first
};

// Of everything that decides what counts as alike.
Sha256 fingerprint(const Embedder& embedder);

std::string to_text(const MemoryState& state, const Sha256& fingerprint);
// Else a sentence why it says nothing.
Expected<MemoryState> state_from_text(std::string_view text, const Sha256& fingerprint, WallTime now);

}  // namespace baton::similar
