// Mixing: the one hash of the simulator. Fast and seeded, not for secrets. Same input, same output, on every machine of
// the same byte order; that is what makes a simulator's answers repeatable. Thread: any. Source: the multiply-and-fold
// step of wyhash (Wang Yi, public domain).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace baton::sim {

inline uint64_t fold(uint64_t a, uint64_t b) {
  auto product = static_cast<unsigned __int128>(a ^ 0x2d358dccaa6c78a5ull) * (b ^ 0x8bb84b93962eacc9ull);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// One fold leaves neighbours (seed 1, seed 2) alike; two do not.
inline uint64_t mix(uint64_t a, uint64_t b) { return fold(fold(a, b), 0x9e3779b97f4a7c15ull); }

inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0) {
  uint64_t h = mix(seed, bytes.size());
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 16; p += 16, left -= 16) {
    uint64_t words[2];
    std::memcpy(words, p, 16);
    h = fold(words[0] ^ h, words[1]);
  }
  uint64_t tail[2] = {0, 0};
  if (left > 0) std::memcpy(tail, p, left);
  return mix(tail[0] ^ h, tail[1] ^ left);
}

}  // namespace baton::sim
