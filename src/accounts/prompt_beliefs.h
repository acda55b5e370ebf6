// PromptBeliefs: which prefixes of prompts each cache domain probably holds, and until when. Fed by what is sent where,
// corrected by the usage that comes back. Life: one per AccountPool, with more than one account. Thread: any (striped
// mutexes). Bounds: `prefixes_max` prefixes, of a stripe the one not used for longest goes; kPlacesMax domains for
// each, the one that ends first goes. Source: the vendor's prompt caching page (read 2026-11): entries are written at
// marks, live 5 minutes or an hour from their last use, are looked for up to about 20 blocks before a mark.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "model/prompt.h"

namespace baton::accounts {

using CacheDomain = uint32_t;

class PromptBeliefs {
 public:
  static constexpr size_t kPlacesMax = 32;
  struct Options {
    size_t prefixes_max = 65'536;
    Duration short_ttl = std::chrono::minutes(5);
    Duration long_ttl = std::chrono::hours(1);
  };
  explicit PromptBeliefs(Options options) : options_(options) {}

  // For each domain the estimated tokens of the longest prefix that it holds now: `matched` is set, 0 where none.
  void match(const model::Prompt& prompt, std::span<uint32_t> matched, Instant now);
  // An answer to this prompt has begun there: its marked prefixes of `tokens_min` and more are there from `begun` on,
  // and what it read lives on.
  void written(const model::Prompt& prompt, CacheDomain domain, uint32_t tokens_min, Instant begun);
  // Of this prompt the vendor has read or written so much: marked prefixes that are longer are not there.
  void correct(const model::Prompt& prompt, CacheDomain domain, uint32_t cached_tokens);
  // What another believes, its domains mapped to ours; what ends by `now` is left out.
  void follow(const PromptBeliefs& before, std::span<const std::optional<CacheDomain>> domains, Instant now);
  size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kStripes = 16;
  struct Place {
    CacheDomain domain;
    bool lasting;  // for the long time
    Instant until;
  };
  struct Entry {
    uint64_t hash;
    std::vector<Place> places;
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::list<Entry> order;  // the latest first
    std::unordered_map<uint64_t, std::list<Entry>::iterator> by_hash;
  };
  Stripe& stripe(uint64_t hash) { return stripes_[(hash >> 32) % kStripes]; }
  void hold(uint64_t hash, Place place);
  // Only if it is believed at `begun`.
  void refresh(uint64_t hash, CacheDomain domain, Instant begun);
  void forget(uint64_t hash, CacheDomain domain);
  Duration ttl(bool lasting) const { return lasting ? options_.long_ttl : options_.short_ttl; }

  const Options options_;
  std::atomic<size_t> size_{0};
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace baton::accounts
