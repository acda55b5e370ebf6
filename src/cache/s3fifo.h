// S3Fifo: a small queue in front, where whoever is not asked for again soon leaves; a main queue; and the keys of those
// that left, which come back straight into the main queue. A hit only counts: nothing moves. With `by_value` the main
// queue gives up the entry whose bytes are worth least: of some of its oldest and of some drawn by chance the one with
// the smallest age + uses * worth / bytes, where `age` rises to the value of each that goes
// (GreedyDual-Size-Frequency). Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023;
// Cherkasova 1998.
#pragma once

#include "cache/detail/ghost.h"
#include "cache/detail/list.h"

namespace baton::cache {

class S3Fifo final : public Policy {
 public:
  struct Options {
    uint64_t bytes_max = 0;
    size_t ghost_keys_max = 1024;
    double small_share = 0.1;
    uint8_t uses_to_stay = 2;  // in the small queue, to go on to the main one
    bool by_value = false;
  };
  explicit S3Fifo(const Options& options);

  void admit(Slot slot, const Item& item, std::vector<Slot>& evicted) override;
  void hit(Slot slot) override;
  void remove(Slot slot) override;
  uint64_t bytes() const override { return small_.bytes() + main_.bytes(); }
  // For tests.
  uint64_t small_bytes() const { return small_.bytes(); }
  size_t ghost_keys() const { return ghost_.count(); }

 private:
  static constexpr uint8_t kUsesMax = 255;
  static constexpr uint8_t kRoundsMax = 3;  // that uses buy in the main queue
  static constexpr size_t kSampled = 32;

  struct Node {
    Slot newer = kNoSlot, older = kNoSlot;
    uint64_t bytes = 0;
    uint64_t key = 0;
    double worth = 1;
    double age = 0;      // that of the queue when it came in
    uint32_t place = 0;  // in drawn_
    uint8_t uses = 0;
    bool in_main = false;
  };
  void to_main(Slot slot);
  void leave_main(Slot slot);
  void evict(std::vector<Slot>& evicted);
  bool evict_small(std::vector<Slot>& evicted);
  void evict_main(std::vector<Slot>& evicted);
  void evict_least_valuable(std::vector<Slot>& evicted);
  double value(const Node& node) const;

  Options options_;
  uint64_t small_bytes_max_;
  uint64_t main_bytes_max_;
  std::vector<Node> nodes_;
  detail::List<Node> small_{nodes_};
  detail::List<Node> main_{nodes_};
  detail::Ghost ghost_;
  std::vector<Slot> drawn_;  // all of the main queue, to draw from (by_value only)
  double age_ = 0;
  uint64_t chance_ = 0x9e3779b97f4a7c15u;
};

}  // namespace baton::cache
