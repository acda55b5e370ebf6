// PromptCache: which prefixes of prompts the simulated vendor has computed, and what a request therefore pays for its
// input. A prefix is named by the chained hash of its blocks, its workspace and its model. An entry is written at a
// breakpoint, can be read once the answer that wrote it has begun, and lives for its TTL after the last use. Life: one
// per simulator. Thread: one at a time. Bounds: kCacheEntriesMax entries; the longest unused one makes room. Source:
// the vendor's prompt caching page (read 2026-11).
#pragma once

#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "sim/models.h"
#include "sim/prompt.h"

namespace baton::sim {

inline constexpr size_t kCacheEntriesMax = 65'536;
// How many blocks behind a breakpoint (itself included) are looked at for an entry.
inline constexpr size_t kLookbackBlocks = 20;
inline constexpr Duration kShortTtl = std::chrono::minutes(5);
inline constexpr Duration kLongTtl = std::chrono::hours(1);

struct CacheOptions {
  size_t entries_max = kCacheEntriesMax;
  Duration short_ttl = kShortTtl;
  Duration long_ttl = kLongTtl;
};

// What the input of one request is made of; the four parts add up to Prompt::tokens.
struct InputTokens {
  uint64_t uncached = 0;
  uint64_t read = 0;
  uint64_t written_5m = 0;
  uint64_t written_1h = 0;
  uint64_t written() const { return written_5m + written_1h; }
  uint64_t total() const { return uncached + read + written(); }
  friend bool operator==(const InputTokens&, const InputTokens&) = default;
};

class PromptCache {
 public:
  explicit PromptCache(CacheOptions options = {}) : options_(options) {}

  // One request that comes at `now` and whose answer begins at `begins`: what its input is made of.
  struct Use {
    const Prompt& prompt;
    std::string_view workspace;  // with its organization: what shares a cache
    const Model& model;
    Instant now;
    Instant begins;
  };
  InputTokens use(const Use& what) { return account(what, true); }
  // What use() would say, changing nothing.
  InputTokens foresee(const Use& what) { return account(what, false); }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Instant readable;
    Instant expires;
    Duration ttl;
    std::list<uint64_t>::iterator age;
  };
  InputTokens account(const Use& what, bool change);
  // Readable and not expired at `now`, or nullptr.
  Entry* find(uint64_t prefix, Instant now);
  void touch(Entry& entry, Instant now);
  void write(uint64_t prefix, Ttl ttl, Instant begins);

  const CacheOptions options_;
  std::unordered_map<uint64_t, Entry> entries_;
  std::list<uint64_t> ages_;  // oldest use first
  std::vector<uint64_t> chain_;
  std::vector<uint64_t> sums_;
};

}  // namespace baton::sim
