// Trainer: learns how much each feature of a text counts, from pairs of texts that are known to ask the same or not. A
// feature that comes and goes between two ways to ask the same counts little; so does one that every text has. What
// was seen too rarely keeps the usual weight. Not part of the relay: `./dev bench similar --train` runs it.
// Life: pure, the same from the same pairs. Thread: any. Bounds: linear in the texts.
#pragma once

#include <span>

#include "similar/corpus.h"
#include "similar/weights.h"

namespace baton::similar {

// The built-in weights are those of make_corpus(kCorpusSeed, kCorpusPairs).
inline constexpr uint64_t kCorpusSeed = 20261124;
inline constexpr size_t kCorpusPairs = 12'000;

Weights train(std::span<const Pair> pairs);

}  // namespace baton::similar
