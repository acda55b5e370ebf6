// Striped: a Shelf cut into stripes by key, each behind its own lock, so that loops rarely meet.
// Life: one for all loops. Thread: any. Bounds: those of its Shelves, which share the bytes evenly.
#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <mutex>
#include <vector>

#include "cache/shelf.h"

namespace baton::cache {

inline constexpr size_t kStripesMax = 16;
inline constexpr uint64_t kStripeBytesMin = 8 * kMiB;  // less is not worth cutting

template <class Value>
class Striped {
 public:
  Striped(PolicyKind kind, const PolicyOptions& options) {
    const size_t wanted =
        static_cast<size_t>(std::clamp<uint64_t>(options.bytes_max / kStripeBytesMin, 1, kStripesMax));
    const size_t count = std::bit_floor(wanted);
    for (size_t i = 0; i < count; ++i) {
      stripes_.push_back(std::make_unique<Stripe>(
          kind, PolicyOptions{options.bytes_max / count, std::max<size_t>(16, options.entries_expected / count)}));
    }
  }

  // A copy of what is kept (make Value cheap to copy), or an empty Value.
  Value find(const Key& key, Instant now, Change& change) {
    Stripe& stripe = of(key);
    std::lock_guard lock(stripe.mutex);
    const Value* found = stripe.shelf.find(key, now, change);
    return found != nullptr ? *found : Value{};
  }
  Change put(const Key& key, Value value, const typename Shelf<Value>::Put& put, Instant now) {
    Stripe& stripe = of(key);
    std::lock_guard lock(stripe.mutex);
    return stripe.shelf.put(key, std::move(value), put, now);
  }
  Change erase(const Key& key) {
    Stripe& stripe = of(key);
    std::lock_guard lock(stripe.mutex);
    return stripe.shelf.erase(key);
  }
  // Stripe after stripe, each for as long as it takes to look at its entries.
  template <class Gone>
  Change erase_if(Gone gone) {
    Change sum;
    for (auto& stripe : stripes_) {
      std::lock_guard lock(stripe->mutex);
      const Change change = stripe->shelf.erase_if(gone);
      sum.bytes += change.bytes;
      sum.entries += change.entries;
    }
    return sum;
  }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& stripe : stripes_) {
      std::lock_guard lock(stripe->mutex);
      sum += stripe->shelf.bytes();
    }
    return sum;
  }
  size_t stripes() const { return stripes_.size(); }

 private:
  struct alignas(64) Stripe {
    Stripe(PolicyKind kind, const PolicyOptions& options) : shelf(kind, options) {}
    mutable std::mutex mutex;
    Shelf<Value> shelf;
  };
  Stripe& of(const Key& key) { return *stripes_[key.high >> 40 & (stripes_.size() - 1)]; }

  std::vector<std::unique_ptr<Stripe>> stripes_;
};

}  // namespace baton::cache
