// FrequencySketch: about how often a key was seen lately, in four bits a counter. Counts too high when keys collide,
// never too low; everything is halved after ten times as many counts as keys are expected. A key's counters lie in one
// cache line. Life: a member. Thread: one at a time. Bounds: two bytes per expected key, rounded up to a power of two;
// O(1), never allocates. Source: count-min sketch with ageing as in TinyLFU (Einziger et al., TOS 2017).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace baton::cache {

class FrequencySketch {
 public:
  static constexpr uint32_t kMax = 15;

  explicit FrequencySketch(size_t keys_expected);
  void count(uint64_t key);
  uint32_t frequency(uint64_t key) const;

 private:
  static constexpr size_t kRows = 4;
  static constexpr size_t kWordsPerBlock = 8;  // 64 bytes
  struct Place {
    size_t word;
    unsigned shift;
  };
  Place place(uint64_t hash, size_t row) const;
  void halve();

  std::vector<uint64_t> words_;
  size_t block_mask_;
  uint64_t counted_ = 0;
  uint64_t halve_at_;
};

}  // namespace baton::cache
