// RecentBindings: the bindings that were used last, by object id. The least recently used one makes room.
// Life: a member of IdBindings. Thread: its owner's mutex.
// Bounds: `count_max` entries, O(1) each.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/units.h"
#include "store/id_bindings.h"

namespace baton::store {

struct Binding {
  std::string object_id;
  std::string account;
  ObjectKind kind = ObjectKind::kBatch;
  WallTime used;  // made, or asked for; at most a day behind
};

class RecentBindings {
 public:
  explicit RecentBindings(size_t count_max) : count_max_(count_max) {}

  void put(Binding binding) {
    remove(binding.object_id);
    if (count_max_ == 0) return;
    if (order_.size() >= count_max_) {
      by_id_.erase(order_.back().object_id);
      order_.pop_back();
    }
    order_.push_front(std::move(binding));
    by_id_.emplace(order_.front().object_id, order_.begin());
  }
  // Valid until the next put or remove; nullptr when it is not here.
  const Binding* find(std::string_view object_id) {
    auto found = by_id_.find(object_id);
    if (found == by_id_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &*found->second;
  }
  void remove(std::string_view object_id) {
    auto found = by_id_.find(object_id);
    if (found == by_id_.end()) return;
    auto entry = found->second;
    by_id_.erase(found);
    order_.erase(entry);
  }
  template <class See>
  void for_each(See see) const {
    for (const Binding& binding : order_) see(binding);
  }
  size_t size() const { return order_.size(); }

 private:
  size_t count_max_;
  std::list<Binding> order_;                                                  // most recently used first
  std::unordered_map<std::string_view, std::list<Binding>::iterator> by_id_;  // keys are in order_
};

}  // namespace baton::store
