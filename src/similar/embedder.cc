#include "similar/embedder.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "similar/normal.h"

namespace baton::similar {

namespace {

constexpr int kTouched = 16;  // dimensions that one feature moves
constexpr float kPairShare = 0.5f;
constexpr float kTrigramShare = 0.35f;

uint32_t hash_of(char kind, std::u32string_view text) {
  const std::string_view bytes(reinterpret_cast<const char*>(text.data()), text.size() * sizeof(char32_t));
  return static_cast<uint32_t>(hash64(bytes, static_cast<uint64_t>(kind) + 0x66656174));
}

// Of a script without blanks between words.
bool is_single(char32_t c) { return is_han(c) || (c >= 0x3040 && c <= 0x30ff) || (c >= 0xac00 && c <= 0xd7a3); }

struct Features {
  std::u32string_view text;
  const std::function<void(uint32_t, float)>& take;
  uint32_t word_before = 0;

  void word(size_t begin, size_t end) {
    const auto piece = text.substr(begin, end - begin);
    const uint32_t hash = hash_of('w', piece);
    take(hash, 1);
    if (word_before != 0) take(word_before * 0x9e3779b1u + hash, kPairShare);
    word_before = hash;
    if (piece.size() < 3) return;
    std::u32string framed = U"^";
    framed.append(piece).push_back('$');
    for (size_t i = 0; i + 3 <= framed.size(); ++i)
      take(hash_of('3', std::u32string_view(framed).substr(i, 3)), kTrigramShare);
  }

  void han(size_t at) {
    take(hash_of('h', text.substr(at, 1)), 0.6f);
    if (at + 1 < text.size() && is_single(text[at + 1])) take(hash_of('H', text.substr(at, 2)), 1);
  }
};

}  // namespace

void for_each_feature(std::u32string_view plain, const std::function<void(uint32_t hash, float share)>& take) {
  Features features{plain, take};
  for (size_t i = 0; i < plain.size();) {
    if (is_single(plain[i])) {
      features.han(i++);
    } else if (is_letter(plain[i]) || is_digit(plain[i])) {
      size_t end = i;
      while (end < plain.size() && (is_letter(plain[end]) || is_digit(plain[end]) || plain[end] == '\'')) ++end;
      features.word(i, end);
      i = end;
    } else {
      ++i;
    }
  }
}

Vector Embedder::embed(std::u32string_view plain) const {
  std::array<float, kDimensions> sum{};
  for_each_feature(plain, [&](uint32_t hash, float share) {
    const float weight = share * static_cast<float>(weights_[bucket_of(hash)]) / static_cast<float>(kUsualWeight);
    uint64_t bits = (uint64_t{hash} + 1) * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < kTouched; ++i) {
      bits = (bits ^ (bits >> 29)) * 0xbf58476d1ce4e5b9u;
      const size_t at = bits >> 40 & (kDimensions - 1);
      sum[at] += (bits >> 63) != 0 ? weight : -weight;
    }
  });
  float most = 0;
  for (float x : sum) most = std::max(most, std::abs(x));
  Vector vector;
  if (most == 0) return vector;
  int32_t square = 0;
  for (size_t i = 0; i < kDimensions; ++i) {
    vector.at[i] = static_cast<int8_t>(std::lround(sum[i] * 127 / most));
    square += vector.at[i] * vector.at[i];
  }
  vector.length = std::sqrt(static_cast<float>(square));
  return vector;
}

float nearness(const Vector& a, const Vector& b) {
  if (a.length == 0 || b.length == 0) return 0;
  int32_t dot = 0;
  for (size_t i = 0; i < kDimensions; ++i) dot += a.at[i] * b.at[i];
  return static_cast<float>(dot) / (a.length * b.length);
}

}  // namespace baton::similar
