#include "cache/s3fifo.h"

#include <algorithm>

namespace baton::cache {

namespace {
constexpr double kGhostShare = 0.9;
}

S3Fifo::S3Fifo(const Options& options)
    : options_(options),
      small_bytes_max_(static_cast<uint64_t>(static_cast<double>(options.bytes_max) * options.small_share)),
      main_bytes_max_(options.bytes_max - small_bytes_max_),
      ghost_(static_cast<uint64_t>(static_cast<double>(options.bytes_max) * kGhostShare), options.ghost_keys_max) {}

void S3Fifo::admit(Slot slot, const Item& item, std::vector<Slot>& evicted) {
  const bool was_here = ghost_.forget(item.key);
  while (bytes() + item.bytes > options_.bytes_max) evict(evicted);
  detail::fit(nodes_, slot);
  Node& node = nodes_[slot];
  node = {.bytes = item.bytes,
          .key = item.key,
          .worth = item.worth,
          .uses = static_cast<uint8_t>(options_.by_value && was_here ? 1 : 0)};
  if (was_here) return to_main(slot);
  small_.push_newest(slot);
}

void S3Fifo::hit(Slot slot) {
  Node& node = nodes_[slot];
  if (node.uses < kUsesMax) ++node.uses;
  if (options_.by_value && node.in_main) node.age = age_;
}

void S3Fifo::remove(Slot slot) {
  if (nodes_[slot].in_main) return leave_main(slot);
  small_.unlink(slot);
}

void S3Fifo::to_main(Slot slot) {
  Node& node = nodes_[slot];
  node.in_main = true;
  node.age = age_;
  main_.push_newest(slot);
  if (!options_.by_value) return;
  node.place = static_cast<uint32_t>(drawn_.size());
  drawn_.push_back(slot);
}

void S3Fifo::leave_main(Slot slot) {
  main_.unlink(slot);
  if (!options_.by_value) return;
  const uint32_t place = nodes_[slot].place;
  drawn_[place] = drawn_.back();
  nodes_[drawn_[place]].place = place;
  drawn_.pop_back();
}

void S3Fifo::evict(std::vector<Slot>& evicted) {
  if (small_.empty() || main_.bytes() > main_bytes_max_ || !evict_small(evicted)) {
    options_.by_value ? evict_least_valuable(evicted) : evict_main(evicted);
  }
}

// False when all that was in the small queue went on to the main one.
bool S3Fifo::evict_small(std::vector<Slot>& evicted) {
  while (!small_.empty()) {
    const Slot slot = small_.oldest();
    small_.unlink(slot);
    Node& node = nodes_[slot];
    if (node.uses < options_.uses_to_stay) {
      ghost_.remember(node.key, node.bytes);
      evicted.push_back(slot);
      return true;
    }
    if (!options_.by_value) node.uses = 0;
    to_main(slot);
  }
  return false;
}

void S3Fifo::evict_main(std::vector<Slot>& evicted) {
  while (true) {
    const Slot slot = main_.oldest();
    Node& node = nodes_[slot];
    leave_main(slot);
    if (node.uses == 0) {
      evicted.push_back(slot);
      return;
    }
    node.uses = static_cast<uint8_t>(std::min(node.uses, kRoundsMax) - 1);
    to_main(slot);
  }
}

double S3Fifo::value(const Node& node) const {
  return node.age + (1.0 + node.uses) * node.worth / static_cast<double>(node.bytes);
}

void S3Fifo::evict_least_valuable(std::vector<Slot>& evicted) {
  Slot least = kNoSlot;
  for (size_t i = 0; i < kSampled; ++i) {
    chance_ = chance_ * 6364136223846793005u + 1442695040888963407u;
    const size_t drawn = static_cast<size_t>(static_cast<unsigned __int128>(chance_) * drawn_.size() >> 64);
    const Slot slot = drawn_[drawn];
    if (least == kNoSlot || value(nodes_[slot]) < value(nodes_[least])) least = slot;
  }
  age_ = std::max(age_, value(nodes_[least]));
  leave_main(least);
  evicted.push_back(least);
}

}  // namespace baton::cache
