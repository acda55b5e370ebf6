// CacheMinimum: below how many tokens a model's prompts are silently not cached: a table, and what replies show beyond
// it. Life: a member of the AccountPool. Thread: any (relaxed atomics). Bounds: kModels slots; models that hash to one
// share what is learnt, which can only make a guess worse. Source: the vendor's prompt caching page (read 2026-11);
// figures for the same model differ between sources, hence the learning.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace baton::accounts {

inline constexpr uint32_t kCacheTokensMin = 512;
inline constexpr uint32_t kCacheTokensMinMost = 4096;

// By the model's name; what is not known has the usual 1,024.
constexpr uint32_t cache_tokens_min(std::string_view model) {
  struct Row {
    std::string_view beginning;
    uint32_t tokens;
  };
  constexpr Row kRows[] = {{"claude-opus-5", 512},
                           {"claude-fable-5", 512},
                           {"claude-mythos-5", 512},
                           {"claude-3-haiku", 2048},
                           {"claude-3-5-haiku", 2048}};
  for (const Row& row : kRows) {
    if (model.starts_with(row.beginning)) return row.tokens;
  }
  return 1024;
}

class CacheMinimum {
 public:
  static constexpr size_t kModels = 64;

  // `listed`: what the table says of it.
  uint32_t tokens(uint64_t model, uint32_t listed) const {
    const uint32_t learnt = slots_[model % kModels].load(std::memory_order_relaxed);
    return learnt != 0 ? learnt : listed;
  }
  // A marked prefix of so many tokens was, or was not, cached.
  void learn(uint64_t model, uint32_t listed, uint32_t prefix_tokens, bool cached) {
    const uint32_t now = tokens(model, listed);
    if (cached && prefix_tokens < now)
      slots_[model % kModels].store(std::max(prefix_tokens, 1u), std::memory_order_relaxed);
    if (!cached && prefix_tokens >= now && prefix_tokens < kCacheTokensMinMost)
      slots_[model % kModels].store(prefix_tokens + 1, std::memory_order_relaxed);
  }
  // What another has learnt.
  void follow(const CacheMinimum& before) {
    for (size_t i = 0; i < kModels; ++i)
      slots_[i].store(before.slots_[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint32_t>, kModels> slots_{};
};

}  // namespace baton::accounts
