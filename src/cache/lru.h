// Lru: whoever was used longest ago goes. The baseline that the others are measured against.
#pragma once

#include "cache/detail/list.h"

namespace baton::cache {

class Lru final : public Policy {
 public:
  explicit Lru(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  void admit(Slot slot, const Item& item, std::vector<Slot>& evicted) override;
  void hit(Slot slot) override { order_.refresh(slot); }
  void remove(Slot slot) override { order_.unlink(slot); }
  uint64_t bytes() const override { return order_.bytes(); }

 private:
  struct Node {
    Slot newer = kNoSlot, older = kNoSlot;
    uint64_t bytes = 0;
  };
  uint64_t bytes_max_;
  std::vector<Node> nodes_;
  detail::List<Node> order_{nodes_};
};

}  // namespace baton::cache
