#include "similar/trainer.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <vector>

#include "similar/embedder.h"
#include "similar/facts.h"

namespace baton::similar {

namespace {

constexpr double kSeenMin = 8;
constexpr double kWeightLeast = 0.05;
constexpr double kRare = 0.02;  // in a smaller share of texts a feature counts in full

std::unordered_set<size_t> buckets_of(const std::string& text) {
  std::unordered_set<size_t> buckets;
  std::u32string plain;
  if (!facts_of(text, &plain)) return buckets;
  for_each_feature(plain, [&](uint32_t hash, float) { buckets.insert(bucket_of(hash)); });
  return buckets;
}

}  // namespace

Weights train(std::span<const Pair> pairs) {
  std::vector<double> in_texts(kBuckets), in_same(kBuckets), in_one(kBuckets);
  double texts = 0;
  for (const Pair& pair : pairs) {
    const auto a = buckets_of(pair.a), b = buckets_of(pair.b);
    texts += 2;
    for (size_t bucket : a) {
      ++in_texts[bucket];
      if (!pair.same) continue;
      ++in_same[bucket];
      if (!b.contains(bucket)) ++in_one[bucket];
    }
    for (size_t bucket : b) {
      ++in_texts[bucket];
      if (!pair.same || a.contains(bucket)) continue;
      ++in_same[bucket];
      ++in_one[bucket];
    }
  }
  Weights weights;
  weights.fill(kUsualWeight);
  for (size_t i = 0; i < kBuckets; ++i) {
    if (in_same[i] < kSeenMin) continue;
    const double steady = 1 - in_one[i] / in_same[i];
    const double share = in_texts[i] / texts;
    const double rare = share <= kRare ? 1 : std::log(1 / share) / std::log(1 / kRare);
    const double weight = std::max(kWeightLeast, steady * steady * steady * rare);
    weights[i] = static_cast<uint8_t>(std::lround(weight * kUsualWeight));
  }
  return weights;
}

}  // namespace baton::similar
