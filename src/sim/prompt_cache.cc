#include "sim/prompt_cache.h"

#include <algorithm>

#include "sim/mix.h"

namespace baton::sim {

InputTokens PromptCache::account(const Use& what, bool change) {
  const Prompt& prompt = what.prompt;
  if (!prompt.cached) return {.uncached = prompt.tokens};
  chain_.clear();
  sums_.clear();
  uint64_t hash = hash_bytes(what.workspace, hash_bytes(what.model.id));
  uint64_t sum = 0;
  for (size_t i = 0; i < prompt.units.size(); ++i) {
    if (i == prompt.message_units_from) hash = mix(hash, prompt.message_mode);
    hash = mix(hash, prompt.units[i].hash);
    sum += prompt.units[i].tokens;
    chain_.push_back(hash);
    sums_.push_back(sum);
  }

  // The longest prefix that is there, seen from the last breakpoint first.
  size_t found = 0;  // units
  for (size_t i = prompt.units.size(); i-- > 0 && found == 0;) {
    if (prompt.units[i].breakpoint == Ttl::kNone) continue;
    size_t stop = i + 1 > kLookbackBlocks ? i + 1 - kLookbackBlocks : 0;
    for (size_t j = i + 1; j-- > stop;) {
      Entry* entry = find(chain_[j], what.now);
      if (entry == nullptr) continue;
      if (change) touch(*entry, what.now);
      found = j + 1;
      break;
    }
  }

  InputTokens out;
  uint64_t covered = found > 0 ? sums_[found - 1] : 0;
  out.read = covered;
  for (size_t i = 0; i < prompt.units.size(); ++i) {
    Ttl ttl = prompt.units[i].breakpoint;
    if (ttl == Ttl::kNone || sums_[i] < what.model.cache_tokens_min) continue;
    if (i < found) {
      Entry* entry = change ? find(chain_[i], what.now) : nullptr;
      if (entry != nullptr) touch(*entry, what.now);
      continue;
    }
    (ttl == Ttl::k1h ? out.written_1h : out.written_5m) += sums_[i] - covered;
    covered = sums_[i];
    if (change) write(chain_[i], ttl, what.begins);
  }
  out.uncached = sum - covered;
  return out;
}

PromptCache::Entry* PromptCache::find(uint64_t prefix, Instant now) {
  auto it = entries_.find(prefix);
  if (it == entries_.end() || it->second.readable > now || it->second.expires <= now) return nullptr;
  return &it->second;
}

void PromptCache::touch(Entry& entry, Instant now) {
  entry.expires = std::max(entry.expires, now + entry.ttl);
  ages_.splice(ages_.end(), ages_, entry.age);
}

void PromptCache::write(uint64_t prefix, Ttl ttl, Instant begins) {
  Duration life = ttl == Ttl::k1h ? options_.long_ttl : options_.short_ttl;
  auto it = entries_.find(prefix);
  if (it != entries_.end()) {
    Entry& entry = it->second;
    // A twin is writing the same prefix: whichever answer begins first makes it readable. Expired: this one replaces
    // it.
    bool stale = entry.expires <= begins;
    entry.readable = stale ? begins : std::min(entry.readable, begins);
    entry.ttl = stale ? life : std::max(entry.ttl, life);
    entry.expires = stale ? begins + life : std::max(entry.expires, begins + life);
    ages_.splice(ages_.end(), ages_, entry.age);
    return;
  }
  if (entries_.size() >= options_.entries_max && !ages_.empty()) {
    entries_.erase(ages_.front());
    ages_.pop_front();
  }
  ages_.push_back(prefix);
  entries_.emplace(prefix, Entry{begins, begins + life, life, std::prev(ages_.end())});
}

}  // namespace baton::sim
