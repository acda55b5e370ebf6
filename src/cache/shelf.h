// Shelf: values by key, within a bound of bytes and each for its time only. What does not fit goes by the policy; what
// has expired goes when it is looked for, or when a few entries in turn are looked at with each put(). Life: one per
// stripe. Thread: one at a time. Bounds: bytes() <= bytes_max, where each entry costs what put() is told and
// kEntryOverheadBytes; O(1) amortised; find() never allocates.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/units.h"
#include "cache/detail/index.h"
#include "cache/key.h"
#include "cache/policy.h"

namespace baton::cache {

// Entry, policy node, index cell and the trace that a ghost list keeps.
inline constexpr uint64_t kEntryOverheadBytes = 256;

// What a put() or erase() did.
struct Change {
  bool stored = false;
  int64_t bytes = 0;
  int64_t entries = 0;
  uint64_t evicted = 0;
  uint64_t expired = 0;
};

template <class Value>
class Shelf {
 public:
  Shelf(PolicyKind kind, const PolicyOptions& options)
      : bytes_max_(options.bytes_max), policy_(make_policy(kind, options)) {}

  // What is kept under `key` and has not expired, or nullptr; until the next call. `expired` counts what went instead.
  const Value* find(const Key& key, Instant now, Change& change) {
    const Slot slot = slot_of(key);
    if (slot == kNoSlot) return nullptr;
    if (entries_[slot].expires <= now) {
      ++change.expired;
      drop(slot, change);
      return nullptr;
    }
    policy_->hit(slot);
    return &entries_[slot].value;
  }

  struct Put {
    uint64_t bytes = 0;
    double worth = 1;
    Instant expires;
  };
  // Replaces what was there. Not stored: larger than the bound, or the policy refused it.
  Change put(const Key& key, Value value, const Put& put, Instant now) {
    Change change;
    sweep(now, change);
    if (const Slot old = slot_of(key); old != kNoSlot) drop(old, change);
    const uint64_t bytes = put.bytes + kEntryOverheadBytes;
    if (bytes > bytes_max_) return change;
    const Slot slot = take_slot();
    entries_[slot] = {std::move(value), key, bytes, put.expires, true};
    index_.insert(key.low, slot);
    change.bytes += static_cast<int64_t>(bytes);
    ++change.entries;
    change.stored = true;
    evicted_.clear();
    policy_->admit(slot, {.key = key.low ^ key.high, .bytes = bytes, .worth = put.worth}, evicted_);
    for (Slot gone : evicted_) {
      if (gone == slot)
        change.stored = false;
      else
        ++change.evicted;
      forget(gone, change);
    }
    return change;
  }
  Change erase(const Key& key) {
    Change change;
    if (const Slot slot = slot_of(key); slot != kNoSlot) drop(slot, change);
    return change;
  }
  // Takes out every value that `gone(value)` names. O(entries).
  template <class Gone>
  Change erase_if(Gone& gone) {
    Change change;
    for (size_t slot = 0; slot < entries_.size(); ++slot) {
      if (entries_[slot].there && gone(std::as_const(entries_[slot].value))) drop(static_cast<Slot>(slot), change);
    }
    return change;
  }
  uint64_t bytes() const { return policy_->bytes(); }
  size_t count() const { return index_.count(); }

 private:
  static constexpr size_t kSweptPerPut = 4;

  struct Entry {
    Value value{};
    Key key;
    uint64_t bytes = 0;
    Instant expires;
    bool there = false;
  };
  Slot slot_of(const Key& key) const {
    return index_.find(key.low, [&](uint32_t slot) { return entries_[slot].key == key; });
  }
  Slot take_slot() {
    if (free_.empty()) {
      entries_.emplace_back();
      return static_cast<Slot>(entries_.size() - 1);
    }
    const Slot slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void drop(Slot slot, Change& change) {
    policy_->remove(slot);
    forget(slot, change);
  }
  void forget(Slot slot, Change& change) {
    Entry& entry = entries_[slot];
    index_.erase(entry.key.low, slot);
    change.bytes -= static_cast<int64_t>(entry.bytes);
    --change.entries;
    entry = {};
    free_.push_back(slot);
  }
  void sweep(Instant now, Change& change) {
    for (size_t i = 0; i < kSweptPerPut && i < entries_.size(); ++i) {
      hand_ = hand_ + 1 < entries_.size() ? hand_ + 1 : 0;
      if (!entries_[hand_].there || entries_[hand_].expires > now) continue;
      ++change.expired;
      drop(static_cast<Slot>(hand_), change);
    }
  }

  uint64_t bytes_max_;
  std::unique_ptr<Policy> policy_;
  detail::Index index_;
  std::vector<Entry> entries_;
  std::vector<Slot> free_;
  std::vector<Slot> evicted_;
  size_t hand_ = 0;
};

}  // namespace baton::cache
