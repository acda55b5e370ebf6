// Embedder: a text as a short vector, such that texts in other words for the same thing lie near one another: hashed
// n-grams (words, pairs of words, three letters in a row; characters and pairs of characters of Chinese), each with a
// learnt weight, projected on kDimensions. No model is run: a text of 100 bytes takes some microseconds. What it cannot
// see (swaps, one other number) facts.h does.
// Life: made from a table of weights, the built-in one or an operator's file; immutable. Thread: any. Bounds: linear in
// the text; the table has kBuckets bytes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "similar/weights.h"

namespace baton::similar {

inline constexpr size_t kDimensions = 256;

struct Vector {
  std::array<int8_t, kDimensions> at{};
  float length = 0;  // of `at`
};

// The cosine, -1 to 1; 0 where one has no features.
float nearness(const Vector& a, const Vector& b);

class Embedder {
 public:
  explicit Embedder(const Weights& weights) : weights_(weights) {}
  // `plain` as facts_of() gives it.
  Vector embed(std::u32string_view plain) const;

 private:
  Weights weights_;
};

// Every feature of a text, as often as it comes, with how much its kind counts.
void for_each_feature(std::u32string_view plain, const std::function<void(uint32_t hash, float share)>& take);
inline size_t bucket_of(uint32_t hash) { return hash & (kBuckets - 1); }

}  // namespace baton::similar
