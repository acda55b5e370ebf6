#include "cache/frequency_sketch.h"

#include <algorithm>
#include <bit>

namespace baton::cache {

namespace {
constexpr uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
constexpr size_t kCountersPerWord = 16;
constexpr size_t kCountersPerKey = 4;
}  // namespace

FrequencySketch::FrequencySketch(size_t keys_expected)
    : words_(std::max(std::bit_ceil(keys_expected * kCountersPerKey / kCountersPerWord), kWordsPerBlock)),
      block_mask_(words_.size() / kWordsPerBlock - 1),
      halve_at_(10 * std::max<uint64_t>(keys_expected, 16)) {}

// Each row has two words of the block, 32 counters.
FrequencySketch::Place FrequencySketch::place(uint64_t hash, size_t row) const {
  const size_t block = (hash >> 32) & block_mask_;
  const uint64_t bits = hash >> (row * 8) & 0xff;
  return {block * kWordsPerBlock + row * 2 + (bits & 1), static_cast<unsigned>(bits >> 1 & 15) * 4};
}

void FrequencySketch::count(uint64_t key) {
  const uint64_t hash = mix(key);
  bool counted = false;
  for (size_t row = 0; row < kRows; ++row) {
    const Place at = place(hash, row);
    if ((words_[at.word] >> at.shift & kMax) == kMax) continue;
    words_[at.word] += uint64_t{1} << at.shift;
    counted = true;
  }
  if (counted && ++counted_ >= halve_at_) halve();
}

uint32_t FrequencySketch::frequency(uint64_t key) const {
  const uint64_t hash = mix(key);
  uint64_t least = kMax;
  for (size_t row = 0; row < kRows; ++row) {
    const Place at = place(hash, row);
    least = std::min(least, words_[at.word] >> at.shift & kMax);
  }
  return static_cast<uint32_t>(least);
}

void FrequencySketch::halve() {
  for (uint64_t& word : words_) word = word >> 1 & 0x7777777777777777u;
  counted_ /= 2;
}

}  // namespace baton::cache
