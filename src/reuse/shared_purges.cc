#include "reuse/shared_purges.h"

#include <algorithm>

namespace baton::reuse {

PurgePoint SharedPurges::point() const {
  std::lock_guard lock(mutex_);
  return point_;
}

size_t SharedPurges::waiting_count() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

bool SharedPurges::allows(const KeptReply& reply, const PurgePoint& asked) const {
  std::lock_guard lock(mutex_);
  if (point_.epoch == 0 || asked.epoch != point_.epoch || asked.sequence > point_.sequence) return false;
  const uint64_t since = point_.sequence - asked.sequence;
  if (since > known_.size()) return false;
  const auto takes = [&](const Chosen& one) { return selects(one.selection(), reply); };
  return std::none_of(known_.end() - static_cast<std::ptrdiff_t>(since), known_.end(), takes) &&
         std::ranges::none_of(waiting_, takes, &Waiting::what);
}

std::vector<Chosen> SharedPurges::learn(const PurgePoint& point, std::span<const std::string> sealed,
                                        const SharedCodec& codec, WallTime known_before) {
  std::lock_guard lock(mutex_);
  const bool same = point.epoch == point_.epoch;
  if (same && point.sequence <= point_.sequence) return {};
  const uint64_t count = same ? point.sequence - point_.sequence : point.sequence;
  const Chosen all({.all = true});
  std::vector<Chosen> fresh;
  if (!same) known_.clear();
  // What the list does not hold any more has been forgotten only when it was old.
  bool old = false;
  const std::span<const std::string> newest = sealed.last(std::min<size_t>(sealed.size(), count));
  for (const std::string& one : newest) {
    const auto purge = codec.open_purge(one);
    known_.push_back(purge ? purge->what : all);
    old = old || (purge && purge->at < known_before);
    if (!purge || purge->at >= known_before) fresh.push_back(known_.back());
  }
  if (newest.size() < count && !old) fresh.assign(1, all);
  while (known_.size() > kPurgesKept) known_.pop_front();
  point_ = point;
  return fresh;
}

void SharedPurges::add(const Selection& what) {
  if (what.empty()) return;
  std::lock_guard lock(mutex_);
  Waiting one{++numbered_, Chosen(what)};
  if (waiting_.size() >= kPurgesWaiting) {
    waiting_.clear();
    one.what = Chosen({.all = true});
  }
  waiting_.push_back(std::move(one));
}

std::optional<SharedPurges::Waiting> SharedPurges::waiting() const {
  std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front();
}

void SharedPurges::told(uint64_t number, const PurgePoint& point) {
  std::lock_guard lock(mutex_);
  if (waiting_.empty() || waiting_.front().number != number) return;
  // Whatever others have written before it is learnt with the list, and this one then once more.
  if (point.epoch == point_.epoch && point.sequence == point_.sequence + 1) {
    known_.push_back(waiting_.front().what);
    while (known_.size() > kPurgesKept) known_.pop_front();
    point_ = point;
  }
  waiting_.pop_front();
}

}  // namespace baton::reuse
