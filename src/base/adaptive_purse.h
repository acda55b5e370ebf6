// AdaptivePurse: what may be spent on guesses: a share of what is spent anyway. The share grows with each guess that
// paid and halves with each that did not, between a small part of its most and its most.
// Life: a member of who guesses. Thread: one at a time. Bounds: a dollar is saved up at most. Amounts in nanodollars.
#pragma once

#include <algorithm>
#include <cstdint>

namespace baton {

class AdaptivePurse {
 public:
  static constexpr double kMost = 1e9;       // nanodollars that are saved up at most: a dollar
  static constexpr double kShareParts = 32;  // the share never falls below such a part of its most

  // 0: there is never anything in it.
  explicit AdaptivePurse(double share_max) : share_max_(share_max), share_(share_max / 2) {}
  bool enabled() const { return share_max_ > 0; }

  // So much was spent on what would have been done anyway.
  void spent(int64_t amount) {
    if (amount > 0) purse_ = std::min(kMost, purse_ + share_ * static_cast<double>(amount));
  }
  // Takes it out; false: there is not so much, or the amount is not known.
  bool take(int64_t amount) {
    if (amount <= 0 || static_cast<double>(amount) > purse_) return false;
    purse_ -= static_cast<double>(amount);
    return true;
  }
  // A guess turned out to have cost so much more (or less) than was taken for it.
  void correct(int64_t more) { purse_ = std::min(kMost, purse_ - static_cast<double>(more)); }
  void judge(bool paid) {
    share_ =
        paid ? std::min(share_max_, share_ + share_max_ / kShareParts) : std::max(share_max_ / kShareParts, share_ / 2);
  }
  double share() const { return share_; }

 private:
  double share_max_;
  double share_;
  double purse_ = 0;
};

}  // namespace baton
