#include "reuse/foresight.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace baton::reuse {

namespace {

constexpr double kNewest = 0.25;  // of a moving average
constexpr Duration kLeadMin = std::chrono::seconds(5);
constexpr uint8_t kStaysMax = 8;

}  // namespace

Foresight::Foresight(double share_max)
    : share_max_(share_max),
      entries_(share_max > 0 ? kForeseenMax : 0),
      rounds_(share_max > 0 ? kRhythmsMax : 0),
      purse_(share_max) {}

void Foresight::judge(bool useful, Advice& advice) {
  ++(useful ? advice.useful : advice.wasted);
  purse_.judge(useful);
}

// What was asked for ahead and not used in its time.
void Foresight::look_back(Instant now, Advice& advice) {
  while (!ahead_.empty() && ahead_.front().until <= now) {
    Entry& entry = of(ahead_.front().key);
    if (entry.key == ahead_.front().key && entry.ahead && entry.new_end == ahead_.front().until) {
      judge(false, advice);
      entry.ahead = false;
    }
    ahead_.pop_front();
  }
  while (!rounds_ahead_.empty() && rounds_ahead_.front().until <= now) {
    Round& round = round_of(rounds_ahead_.front().key);
    if (round.key == rounds_ahead_.front().key && round.ahead && round.until == rounds_ahead_.front().until) {
      judge(false, advice);
      round.ahead = false;
    }
    rounds_ahead_.pop_front();
  }
  advice.useful += std::exchange(unsaid_.useful, 0);
  advice.wasted += std::exchange(unsaid_.wasted, 0);
}

Foresight::Advice Foresight::used(const cache::Key& key, const Use& use) {
  Advice advice;
  if (!enabled()) return advice;
  std::lock_guard lock(mutex_);
  look_back(use.now, advice);
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
  if (ahead_.size() >= kAheadMax || !purse_.take(use.cost)) {
    advice.no_money = true;
    return advice;
  }
  entry.ahead = true;
  entry.old_end = use.fresh_until;
  entry.new_end = use.now + (use.fresh_until - use.since);
  ahead_.push_back({key, entry.new_end});
  advice.ask = true;
  return advice;
}

void Foresight::spent(int64_t nanodollars, const cache::Key& key) {
  if (!enabled() || nanodollars <= 0) return;
  std::lock_guard lock(mutex_);
  purse_.spent(nanodollars);
  if (Round& round = round_of(key); round.key == key) round.cost = nanodollars;
}

std::optional<Foresight::Plan> Foresight::asked(const cache::Key& key, Instant now, Duration ttl) {
  if (!enabled()) return std::nullopt;
  std::lock_guard lock(mutex_);
  Round& round = round_of(key);
  if (round.key != key) {
    if (round.stays > 0) {
      --round.stays;
      return std::nullopt;
    }
    if (round.ahead) judge(false, unsaid_);
    round = {};
    round.key = key;
  }
  if (round.ahead) {
    judge(now < round.until, unsaid_);
    round.ahead = false;
  }
  round.stays = static_cast<uint8_t>(std::min<int>(round.stays + 1, kStaysMax));
  round.rhythm.used(now);
  const auto next = round.rhythm.next();
  // What comes back in its reply's time finds it there.
  if (!next || next->at - now <= ttl || next->at - now > kRhythmGapMax) return std::nullopt;
  const Duration lead = std::min(std::max(2 * next->off, kLeadMin), ttl / 2);
  return Plan{.key = key, .asked = now, .at = next->at - lead, .ttl = ttl};
}

Foresight::Advice Foresight::due(const Plan& plan, Instant now) {
  Advice advice;
  std::lock_guard lock(mutex_);
  look_back(now, advice);
  Round& round = round_of(plan.key);
  if (round.key != plan.key || round.rhythm.last() != plan.asked || round.ahead) return advice;
  if (rounds_ahead_.size() >= kAheadMax || !purse_.take(round.cost)) {
    advice.no_money = true;
    return advice;
  }
  round.ahead = true;
  round.until = now + plan.ttl;
  rounds_ahead_.push_back({plan.key, round.until});
  advice.ask = true;
  return advice;
}

double Foresight::share() const {
  std::lock_guard lock(mutex_);
  return purse_.share();
}

}  // namespace baton::reuse
