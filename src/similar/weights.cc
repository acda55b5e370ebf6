#include "similar/weights.h"

#include <fstream>

#include "base/check.h"

namespace baton::similar {

namespace {

constexpr char kFirst = '#';
constexpr size_t kDigits = '~' - kFirst;  // all from there on but the backslash
constexpr size_t kGapMax = kDigits * kDigits - 1;

char digit(size_t value) {
  const char c = static_cast<char>(kFirst + static_cast<char>(value));
  return c >= '\\' ? static_cast<char>(c + 1) : c;
}

std::optional<size_t> value_of(char c) {
  if (c < kFirst || c > '~' || c == '\\') return std::nullopt;
  return static_cast<size_t>((c > '\\' ? c - 1 : c) - kFirst);
}

}  // namespace

std::string packed(const Weights& weights) {
  std::string out;
  size_t gap = 0;
  for (uint8_t weight : weights) {
    if (weight == kUsualWeight && gap < kGapMax) {
      ++gap;
      continue;
    }
    out.push_back(digit(gap / kDigits));
    out.push_back(digit(gap % kDigits));
    out.push_back(digit(weight));
    gap = 0;
  }
  return out;
}

std::optional<Weights> unpacked(std::string_view text) {
  if (text.size() % 3 != 0) return std::nullopt;
  Weights weights;
  weights.fill(kUsualWeight);
  size_t at = 0;
  for (size_t i = 0; i < text.size(); i += 3) {
    const auto high = value_of(text[i]), low = value_of(text[i + 1]), weight = value_of(text[i + 2]);
    if (!high || !low || !weight || *weight > kUsualWeight) return std::nullopt;
    at += *high * kDigits + *low;
    if (at >= kBuckets) return std::nullopt;
    weights[at++] = static_cast<uint8_t>(*weight);
  }
  return weights;
}

const Weights& built_in_weights() {
  static const Weights kWeights = [] {
    auto weights = unpacked(built_in_text());
    BATON_CHECK(weights.has_value());
    return *weights;
  }();
  return kWeights;
}

Expected<Weights> read_weights(const std::string& path) {
  const auto refused = fail(ErrorCode::kConfig, Fault::kUs, path + " holds no weights that the trainer made");
  std::ifstream file(path);
  std::string line, text;
  if (!std::getline(file, line) || line != kWeightsHead) return refused;
  while (std::getline(file, line) && text.size() <= 3 * kBuckets) text += line;
  auto weights = unpacked(text);
  if (!weights) return refused;
  return *weights;
}

}  // namespace baton::similar
