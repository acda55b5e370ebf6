#include "cache/tinylfu.h"

#include <algorithm>
#include <cmath>

namespace baton::cache {

namespace {
constexpr double kWindowShare = 0.01;
constexpr double kProtectedShare = 0.8;
constexpr uint32_t kWarm = 5;      // a candidate as popular as that sometimes wins a draw, against attacks by collision
constexpr uint64_t kDrawBits = 7;  // one time in 128
constexpr double kStepShare = 0.0625;
constexpr double kStepDecay = 0.98;
constexpr double kRestart = 0.05;  // the hit ratio moved that far: look for the window anew
constexpr uint64_t kSamplePerEntry = 10;
}  // namespace

TinyLfu::TinyLfu(uint64_t bytes_max, size_t keys_expected)
    : bytes_max_(bytes_max),
      window_bytes_max_(std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(bytes_max) * kWindowShare))),
      sketch_(keys_expected),
      sample_(kSamplePerEntry * std::max<uint64_t>(16, keys_expected)),
      step_(-kStepShare * static_cast<double>(bytes_max)) {}

void TinyLfu::admit(Slot slot, const Item& item, std::vector<Slot>& evicted) {
  sketch_.count(item.key);
  saw(false);
  detail::fit(nodes_, slot);
  nodes_[slot] = {.bytes = item.bytes, .key = item.key};
  window_.push_newest(slot);
  // Whoever the window has no room for goes on; while there is room for all, without a contest.
  while (window_.bytes() > window_bytes_max_ && bytes() <= bytes_max_ && window_.count() > 1)
    move(window_.oldest(), Where::kProbation);
  while (bytes() > bytes_max_) {
    const Slot against = victim();
    const Slot candidate = window_.oldest();
    if (against == kNoSlot ||
        (candidate != kNoSlot && window_.bytes() > window_bytes_max_ && !better(nodes_[candidate], nodes_[against]))) {
      evict(candidate, evicted);
    } else {
      if (candidate != kNoSlot && window_.bytes() > window_bytes_max_) move(candidate, Where::kProbation);
      evict(against, evicted);
    }
  }
}

void TinyLfu::hit(Slot slot) {
  Node& node = nodes_[slot];
  sketch_.count(node.key);
  saw(true);
  move(slot, node.where == Where::kWindow ? Where::kWindow : Where::kProtected);
  balance_protected();
}

void TinyLfu::remove(Slot slot) { list(nodes_[slot].where).unlink(slot); }

void TinyLfu::move(Slot slot, Where to) {
  Node& node = nodes_[slot];
  list(node.where).unlink(slot);
  node.where = to;
  list(to).push_newest(slot);
}

void TinyLfu::evict(Slot slot, std::vector<Slot>& evicted) {
  remove(slot);
  evicted.push_back(slot);
}

bool TinyLfu::better(const Node& candidate, const Node& victim) {
  const uint32_t ours = sketch_.frequency(candidate.key), theirs = sketch_.frequency(victim.key);
  if (ours > theirs) return true;
  if (ours <= kWarm) return false;
  chance_ = chance_ * 6364136223846793005u + 1442695040888963407u;
  return chance_ >> (64 - kDrawBits) == 0;
}

void TinyLfu::balance_protected() {
  const auto room = static_cast<uint64_t>(static_cast<double>(bytes_max_ - window_bytes_max_) * kProtectedShare);
  while (protected_.bytes() > room) move(protected_.oldest(), Where::kProbation);
}

void TinyLfu::saw(bool hit) {
  ++seen_;
  hits_ += hit ? 1 : 0;
  if (seen_ >= sample_) climb();
}

void TinyLfu::climb() {
  const double ratio = static_cast<double>(hits_) / static_cast<double>(seen_);
  const double change = ratio - ratio_before_;
  const double step = change >= 0 ? step_ : -step_;
  step_ = std::abs(change) >= kRestart ? std::copysign(kStepShare * static_cast<double>(bytes_max_), step)
                                       : step * kStepDecay;
  ratio_before_ = ratio;
  seen_ = hits_ = 0;
  const double largest = static_cast<double>(bytes_max_) * kProtectedShare;
  const double wanted = static_cast<double>(window_bytes_max_) + step;
  window_bytes_max_ = static_cast<uint64_t>(std::clamp(wanted, 1.0, std::max(1.0, largest)));
  if (wanted <= 1.0 || wanted >= largest) step_ = -step_;  // there is only the other way left
  // Entries follow: out of the window's old end, or into it from the end of the main space.
  while (window_.bytes() > window_bytes_max_ && window_.count() > 1) move(window_.oldest(), Where::kProbation);
  while (victim() != kNoSlot && window_.bytes() + nodes_[victim()].bytes <= window_bytes_max_)
    move(victim(), Where::kWindow);
  balance_protected();
}

}  // namespace baton::cache
