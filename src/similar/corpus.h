// Corpus: pairs of questions that this generates from frames and fillings, in English and Chinese, to train the
// embedder's weights: two frames of one kind with the same filling ask the same, another filling or another kind does
// not. Nothing of it comes from anyone's questions. Life: pure, from a seed. Thread: any. Bounds: the count asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace baton::similar {

struct Pair {
  std::string a, b;
  bool same = false;
};

std::vector<Pair> make_corpus(uint64_t seed, size_t pairs);

}  // namespace baton::similar
