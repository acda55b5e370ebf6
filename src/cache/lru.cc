#include "cache/lru.h"

namespace baton::cache {

void Lru::admit(Slot slot, const Item& item, std::vector<Slot>& evicted) {
  while (order_.bytes() + item.bytes > bytes_max_) {
    const Slot oldest = order_.oldest();
    order_.unlink(oldest);
    evicted.push_back(oldest);
  }
  detail::fit(nodes_, slot);
  nodes_[slot].bytes = item.bytes;
  order_.push_newest(slot);
}

}  // namespace baton::cache
