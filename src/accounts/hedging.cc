#include "accounts/hedging.h"

#include <algorithm>
#include <cmath>

namespace baton::accounts {

namespace {

constexpr double kFirst = 1e-3;  // seconds: the end of the first bucket
constexpr double kPerDoubling = 6;

size_t place(LimitClass limits, bool stream) { return 2 * static_cast<size_t>(limits) + (stream ? 1 : 0); }

}  // namespace

size_t Hedging::bucket_of(Duration time) {
  const double doublings = std::log2(std::max(seconds(time), kFirst) / kFirst);
  return std::min(static_cast<size_t>(doublings * kPerDoubling), kBuckets - 1);
}

Duration Hedging::end_of(size_t bucket) {
  const double end = kFirst * std::exp2(static_cast<double>(bucket + 1) / kPerDoubling);
  return Duration{static_cast<int64_t>(end * 1e9)};
}

void Hedging::call() {
  std::lock_guard lock(mutex_);
  saved_ = std::min(saved_ + config_.budget_share, kSavedMax);
}

std::optional<Duration> Hedging::after(LimitClass limits, bool stream) const {
  std::lock_guard lock(mutex_);
  const Times& times = times_[place(limits, stream)];
  if (times.total < kSamplesMin) return std::nullopt;
  const double wanted = kStayBelow * times.total;
  double below = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    below += times.count[bucket];
    if (below >= wanted) return std::max(end_of(bucket), config_.after_least);
  }
  return std::nullopt;
}

bool Hedging::spend() {
  std::lock_guard lock(mutex_);
  if (saved_ < 1) return false;
  saved_ -= 1;
  return true;
}

void Hedging::learn(LimitClass limits, bool stream, Duration first_byte) {
  std::lock_guard lock(mutex_);
  Times& times = times_[place(limits, stream)];
  ++times.count[bucket_of(first_byte)];
  if (++times.total < kSamplesMax) return;
  times.total = 0;
  for (uint32_t& count : times.count) times.total += count /= 2;
}

}  // namespace baton::accounts
