#include "accounts/concurrency.h"

#include <algorithm>
#include <cmath>

namespace baton::accounts {

namespace {
constexpr double kGradientLeast = 0.5;
constexpr double kGradientMost = 2;
constexpr double kSmoothing = 0.5;  // of a window's gradient that counts at once
constexpr double kFloorStep = 0.3;  // of a new floor that counts at once
constexpr double kJitter = 0.3;     // of the time between measurements
}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const ConcurrencyConfig& config, uint64_t seed)
    : config_(config), random_(seed), limit_(std::clamp(config.initial, config.least, config.most)) {}

uint32_t ConcurrencyLimit::limit() const {
  return measuring_ ? measure_limit() : static_cast<uint32_t>(std::lround(limit_));
}

uint32_t ConcurrencyLimit::measure_limit() const { return std::max(config_.least, static_cast<uint32_t>(limit_ / 2)); }

void ConcurrencyLimit::sample(const Sample& one, Instant now) {
  if (window_began_.ns == 0) {
    begin_window(now);
    plan_measure(now);
  }
  // A call that was sent before the limit was halved says nothing of the floor.
  const bool counts = !measuring_ || (one.sent >= window_began_ && one.in_flight <= measure_limit());
  if (counts) {
    samples_[count_++ % kSamplesMax] = one.first_byte.count();
    used_ = std::max(used_, one.in_flight);
  }
  if (measuring_) {
    // As many as go out together: the first to come back are the fastest of them.
    const size_t enough = std::clamp<size_t>(measure_limit(), kFloorSamples, kSamplesMax);
    if (count_ >= enough || now - window_began_ >= kMeasureMax) close_measure(now);
  } else if (now - window_began_ >= kWindow && count_ >= kSamplesLeast) {
    close_window(now);
  }
}

void ConcurrencyLimit::close_measure(Instant now) {
  if (count_ >= kFloorSamples) floor_ = median();
  measuring_ = false;
  plan_measure(now);
  begin_window(now);
}

void ConcurrencyLimit::close_window(Instant now) {
  const Duration middle = median();
  const auto took = static_cast<double>(std::max<int64_t>(middle.count(), 1));
  const bool easy = used_ <= measure_limit();
  if (floor_.count() == 0) {
    floor_ = middle;
  } else if (easy) {
    floor_ = Duration{static_cast<int64_t>(static_cast<double>(floor_.count()) * (1 - kFloorStep) + took * kFloorStep)};
  }
  if (easy) plan_measure(now);
  const double tolerated =
      static_cast<double>(floor_.count()) * (1 + config_.tolerance) + static_cast<double>(config_.slack.count());
  const double gradient = std::clamp(tolerated / took, kGradientLeast, kGradientMost);
  gradient_ += kSmoothing * (gradient - gradient_);
  const double next = gradient_ * limit_ + std::sqrt(limit_) / 2;
  // What is not used proves nothing.
  const bool used = 2 * static_cast<double>(used_) >= limit_;
  if (next < limit_ || used) {
    limit_ = std::clamp(next, static_cast<double>(config_.least), static_cast<double>(config_.most));
  }
  begin_window(now);
  if (now >= measure_at_ && measure_limit() < limit()) measuring_ = true;
}

void ConcurrencyLimit::begin_window(Instant now) {
  window_began_ = now;
  count_ = 0;
  used_ = 0;
}

void ConcurrencyLimit::plan_measure(Instant now) {
  const double stretch = 1 - kJitter / 2 + kJitter * random_.unit();
  measure_at_ = now + Duration{static_cast<int64_t>(static_cast<double>(config_.remeasure.count()) * stretch)};
}

Duration ConcurrencyLimit::median() {
  const auto end = samples_.begin() + static_cast<std::ptrdiff_t>(std::min(count_, kSamplesMax));
  const auto middle = samples_.begin() + (end - samples_.begin()) / 2;
  std::nth_element(samples_.begin(), middle, end);
  return Duration{*middle};
}

}  // namespace baton::accounts
