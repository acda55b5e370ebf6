// TinyLfu: a window of the newest in front of a main space that an entry enters only if it was asked for more often,
// lately, than the one that would have to leave. How large the window is follows the hit ratio: it grows or shrinks as
// long as that helps. Worth is not looked at. Source: W-TinyLFU (Einziger et al., TOS 2017); hill climbing (Einziger et
// al., Middleware 2018).
#pragma once

#include "cache/detail/list.h"
#include "cache/frequency_sketch.h"

namespace baton::cache {

class TinyLfu final : public Policy {
 public:
  TinyLfu(uint64_t bytes_max, size_t keys_expected);

  void admit(Slot slot, const Item& item, std::vector<Slot>& evicted) override;
  void hit(Slot slot) override;
  void remove(Slot slot) override;
  uint64_t bytes() const override { return window_.bytes() + probation_.bytes() + protected_.bytes(); }
  // For tests.
  uint64_t window_bytes_max() const { return window_bytes_max_; }

 private:
  enum class Where : uint8_t { kWindow, kProbation, kProtected };
  struct Node {
    Slot newer = kNoSlot, older = kNoSlot;
    uint64_t bytes = 0;
    uint64_t key = 0;
    Where where = Where::kWindow;
  };
  detail::List<Node>& list(Where where) {
    return where == Where::kWindow ? window_ : where == Where::kProbation ? probation_ : protected_;
  }
  void move(Slot slot, Where to);
  Slot victim() const { return probation_.empty() ? protected_.oldest() : probation_.oldest(); }
  bool better(const Node& candidate, const Node& victim);
  void evict(Slot slot, std::vector<Slot>& evicted);
  void balance_protected();
  void saw(bool hit);
  void climb();

  uint64_t bytes_max_;
  uint64_t window_bytes_max_;
  FrequencySketch sketch_;
  std::vector<Node> nodes_;
  detail::List<Node> window_{nodes_}, probation_{nodes_}, protected_{nodes_};
  uint64_t chance_ = 0x9e3779b97f4a7c15u;
  // The climb: requests and hits since it last decided.
  uint64_t sample_;
  uint64_t seen_ = 0, hits_ = 0;
  double ratio_before_ = 0;
  double step_;
};

}  // namespace baton::cache
