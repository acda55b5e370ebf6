// List: entries in a row, linked through their nodes. Private to cache/. Bounds: O(1) everything, no allocation.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/policy.h"

namespace baton::cache::detail {

// Node needs `Slot newer, older; uint64_t bytes`.
template <class Node>
class List {
 public:
  explicit List(std::vector<Node>& nodes) : nodes_(&nodes) {}

  void push_newest(Slot slot) {
    Node& node = (*nodes_)[slot];
    node.newer = kNoSlot;
    node.older = newest_;
    (newest_ == kNoSlot ? oldest_ : (*nodes_)[newest_].newer) = slot;
    newest_ = slot;
    bytes_ += node.bytes;
    ++count_;
  }
  void unlink(Slot slot) {
    Node& node = (*nodes_)[slot];
    (node.newer == kNoSlot ? newest_ : (*nodes_)[node.newer].older) = node.older;
    (node.older == kNoSlot ? oldest_ : (*nodes_)[node.older].newer) = node.newer;
    bytes_ -= node.bytes;
    --count_;
  }
  void refresh(Slot slot) {
    unlink(slot);
    push_newest(slot);
  }
  Slot oldest() const { return oldest_; }
  bool empty() const { return count_ == 0; }
  uint64_t bytes() const { return bytes_; }
  size_t count() const { return count_; }

 private:
  std::vector<Node>* nodes_;
  Slot newest_ = kNoSlot;
  Slot oldest_ = kNoSlot;
  uint64_t bytes_ = 0;
  size_t count_ = 0;
};

// Makes room for a node at `slot`.
template <class Node>
void fit(std::vector<Node>& nodes, Slot slot) {
  if (slot >= nodes.size()) nodes.resize(static_cast<size_t>(slot) + 1);
}

}  // namespace baton::cache::detail
