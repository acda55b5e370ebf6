#include "reuse/foresight.h"

#include <algorithm>
#include <cmath>

namespace baton::reuse {

namespace {

constexpr double kNewest = 0.25;    // of a moving average
constexpr double kShareParts = 32;  // the share never falls below such a part of its most
constexpr double kPurseMax = 1e9;   // nanodollars that are saved up at most: a dollar

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Foresight::Foresight(double share_max)
    : share_max_(share_max), entries_(share_max > 0 ? kForeseenMax : 0), share_(share_max / 2) {}

void Foresight::judge(bool useful, Advice& advice) {
  ++(useful ? advice.useful : advice.wasted);
  share_ =
      useful ? std::min(share_max_, share_ + share_max_ / kShareParts) : std::max(share_max_ / kShareParts, share_ / 2);
}

Foresight::Advice Foresight::used(const cache::Key& key, const Use& use) {
  Advice advice;
  if (!enabled()) return advice;
  std::lock_guard lock(mutex_);
  while (!ahead_.empty() && ahead_.front().until <= use.now) {
    Entry& entry = of(ahead_.front().key);
    if (entry.key == ahead_.front().key && entry.ahead && entry.new_end == ahead_.front().until) {
      judge(false, advice);
      entry.ahead = false;
    }
    ahead_.pop_front();
  }
  Entry& entry = of(key);
  if (entry.key != key) {
    if (entry.ahead) judge(false, advice);
    entry = {.key = key, .last = use.now, .old_end = {}, .new_end = {}};
    return advice;
  }
  const double gap = seconds(use.now - entry.last);
  entry.last = use.now;
  if (entry.gaps == 0) entry.gap_s = gap;
  entry.off_s += kNewest * (std::abs(gap - entry.gap_s) - entry.off_s);
  entry.gap_s += kNewest * (gap - entry.gap_s);
  entry.gaps = std::min(entry.gaps + 1, kGapsMin);
  if (entry.ahead && use.now >= entry.old_end) {
    judge(true, advice);
    entry.ahead = false;
  }
  const double time = seconds(use.fresh_until - use.since);
  const double left = seconds(use.fresh_until - use.now);
  const double expected = entry.gap_s + entry.off_s;
  if (entry.gaps < kGapsMin || entry.ahead || expected * kUsesInTimeMin > time || left > expected) return advice;
  const auto cost = static_cast<double>(use.cost);
  if (cost <= 0 || cost > purse_ || ahead_.size() >= kAheadMax) {
    advice.no_money = true;
    return advice;
  }
  purse_ -= cost;
  entry.ahead = true;
  entry.old_end = use.fresh_until;
  entry.new_end = use.now + (use.fresh_until - use.since);
  ahead_.push_back({key, entry.new_end});
  advice.ask = true;
  return advice;
}

void Foresight::spent(int64_t nanodollars) {
  if (!enabled() || nanodollars <= 0) return;
  std::lock_guard lock(mutex_);
  purse_ = std::min(kPurseMax, purse_ + share_ * static_cast<double>(nanodollars));
}

double Foresight::share() const {
  std::lock_guard lock(mutex_);
  return share_;
}

}  // namespace baton::reuse
