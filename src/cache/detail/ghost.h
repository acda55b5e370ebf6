// Ghost: keys of entries that went a while ago, oldest forgotten first. Private to cache/.
// Bounds: the bytes that its entries had, and `keys_max` keys; about 60 bytes of memory a key.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/detail/index.h"

namespace baton::cache::detail {

class Ghost {
 public:
  Ghost(uint64_t bytes_max, size_t keys_max) : bytes_max_(bytes_max), keys_max_(keys_max), ring_(16) {}

  void remember(uint64_t key, uint64_t bytes) {
    if (bytes > bytes_max_ || keys_max_ == 0) return;
    forget(key);
    while (bytes_ + bytes > bytes_max_ || index_.count() >= keys_max_) drop_oldest();
    make_room();
    const uint32_t at = static_cast<uint32_t>(end_++ & (ring_.size() - 1));
    ring_[at] = {key, bytes, true};
    index_.insert(key, at);
    bytes_ += bytes;
  }
  // Whether it was there; it is not any more.
  bool forget(uint64_t key) {
    const uint32_t at = index_.find(key);
    if (at == Index::kNone) return false;
    take_out(at);
    return true;
  }
  size_t count() const { return index_.count(); }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Trace {
    uint64_t key = 0;
    uint64_t bytes = 0;
    bool there = false;
  };
  void take_out(uint32_t at) {
    index_.erase(ring_[at].key, at);
    bytes_ -= ring_[at].bytes;
    ring_[at].there = false;
  }
  void drop_oldest() {
    while (true) {
      const uint32_t at = static_cast<uint32_t>(begin_++ & (ring_.size() - 1));
      if (ring_[at].there) return take_out(at);
    }
  }
  // The ring has gaps where keys were forgotten; it is written anew, twice as large if it has to be, once it is full.
  void make_room() {
    if (end_ - begin_ < ring_.size()) return;
    std::vector<Trace> old(index_.count() * 2 > ring_.size() ? ring_.size() * 2 : ring_.size());
    old.swap(ring_);
    Index index;
    uint64_t to = 0;
    for (uint64_t from = begin_; from != end_; ++from) {
      const Trace& trace = old[from & (old.size() - 1)];
      if (!trace.there) continue;
      ring_[to] = trace;
      index.insert(trace.key, static_cast<uint32_t>(to++));
    }
    index_ = std::move(index);
    begin_ = 0;
    end_ = to;
  }

  uint64_t bytes_max_;
  size_t keys_max_;
  uint64_t bytes_ = 0;
  uint64_t begin_ = 0, end_ = 0;
  std::vector<Trace> ring_;
  Index index_;
};

}  // namespace baton::cache::detail
