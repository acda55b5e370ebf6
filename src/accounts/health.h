// Health: whether one account is fit to be asked. Failures in a row eject it for a time that grows with each ejection;
// afterwards one call at a time is let through until one succeeds; then its share grows back over a while. Life: one
// per account. Thread: one at a time (the account's mutex); `now` is an argument. Whether an ejection is allowed (never
// half a pool, never the last healthy account) is decided by who sees the pool. Source: Envoy outlier detection.
#pragma once

#include <algorithm>
#include <cstdint>

#include "accounts/config.h"
#include "base/units.h"

namespace baton::accounts {

class Health {
 public:
  void succeeded(const HealthConfig& config, Instant now) {
    failures_ = 0;
    if (!open_) {
      if (ejections_ > 0 && now - closed_at_ > config.ejection_max) ejections_ = 0;
      return;
    }
    open_ = false;
    probing_ = false;
    closed_at_ = now;
  }
  // Gives whether it should be ejected: enough failures in a row, or its probe failed.
  bool failed(const HealthConfig& config) {
    ++failures_;
    if (open_) {
      probing_ = false;
      return true;
    }
    return failures_ >= config.failures;
  }
  void eject(const HealthConfig& config, Instant now) {
    ejections_ = std::min(ejections_ + 1, 1000u);
    const Duration longest = std::max(config.ejection_max, config.ejection_base);
    const Duration period = ejections_ > longest / std::max(config.ejection_base, Duration{1})
                                ? longest
                                : config.ejection_base * ejections_;
    until_ = now + std::min(period, longest);
    open_ = true;
    probing_ = false;
    failures_ = 0;
  }
  bool ejected(Instant now) const { return open_ && now < until_; }
  bool half_open(Instant now) const { return open_ && now >= until_; }
  // The one call that may be made while half open; it ends with succeeded(), failed() or probe_left().
  bool begin_probe(Instant now) {
    if (!half_open(now) || probing_) return false;
    probing_ = true;
    return true;
  }
  void probe_left() { probing_ = false; }
  // As it was before a restart.
  void restore(uint32_t ejections, Instant until) {
    ejections_ = ejections;
    until_ = until;
    open_ = true;
  }
  bool probing() const { return probing_; }
  Instant until() const { return until_; }
  uint32_t failures() const { return failures_; }
  uint32_t ejections() const { return ejections_; }
  bool open() const { return open_; }
  Instant closed_at() const { return closed_at_; }

 private:
  uint32_t failures_ = 0;
  uint32_t ejections_ = 0;
  bool open_ = false;  // ejected, or half open behind it
  bool probing_ = false;
  Instant until_{};
  Instant closed_at_{};  // when it last came back
};

}  // namespace baton::accounts
