#include "similar/judge.h"

#include "similar/config.h"
#include "similar/facts.h"
#include "similar/normal.h"

namespace baton::similar {

namespace {

constexpr float kAnswersNear = 0.9f;

void fold(std::u32string& text) {
  for (char32_t& c : text) c = folded(c);
}

}  // namespace

std::optional<bool> say_the_same(std::string_view a, std::string_view b, const Embedder& embedder) {
  if (a.size() > kAnswerBytesMax || b.size() > kAnswerBytesMax) return std::nullopt;
  auto left = normal(a), right = normal(b);
  if (!left || !right || left->empty() || right->empty()) return std::nullopt;
  if (*left == *right) return true;
  if (left->size() * 2 < right->size() || right->size() * 2 < left->size()) return false;
  if (claims_of(*left) != claims_of(*right)) return false;
  fold(*left);
  fold(*right);
  return *left == *right || nearness(embedder.embed(*left), embedder.embed(*right)) >= kAnswersNear;
}

}  // namespace baton::similar
