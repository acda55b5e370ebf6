// Prompt: what is known of a prompt's prefixes, each of which a vendor's prompt cache may hold. A prefix is named by a
// hash over everything before its border (tools, system, messages, in this order) and by model and caller; its length
// is an estimate. Only borders are listed at which the vendor would look for an entry: marked ones, and those up to
// its look-back before them. Life: values. Thread: any. Bounds: kPrefixesMax. Source: the vendor's prompt caching page
// (read 2026-11).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace baton::model {

inline constexpr size_t kCacheMarksMax = 4;   // the vendor refuses more
inline constexpr size_t kCacheLookback = 20;  // blocks, the marked one included
inline constexpr size_t kPrefixesMax = kCacheMarksMax * kCacheLookback;

// A cache_control at a prefix's end: an entry is written there, for so long.
enum class CacheMark : uint8_t { kNone, k5m, k1h };

struct PromptPrefix {
  uint64_t hash = 0;
  uint32_t tokens = 0;  // estimated, from the prompt's beginning
  CacheMark mark = CacheMark::kNone;
  friend bool operator==(const PromptPrefix&, const PromptPrefix&) = default;
};

struct Prompt {
  std::vector<PromptPrefix> prefixes;  // ascending; the last is marked; empty: nothing of it is cached
  uint32_t tokens = 0;                 // of all
  bool cacheable() const { return !prefixes.empty(); }
};

}  // namespace baton::model
