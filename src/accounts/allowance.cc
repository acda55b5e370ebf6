#include "accounts/allowance.h"

#include <algorithm>

namespace baton::accounts {

void Allowance::set_ceilings(double requests, double input_tokens, double output_tokens) {
  meters_[0].set_ceiling(requests);
  meters_[1].set_ceiling(input_tokens);
  meters_[2].set_ceiling(output_tokens);
  for (const Meter& meter : meters_) metered_ = metered_ || meter.known();
}

Instant Allowance::ready_at(const Need& need, Instant now) const {
  const auto wanted = amounts(need);
  Duration wait{0};
  for (size_t i = 0; i < meters_.size(); ++i) wait = std::max(wait, meters_[i].wait_for(wanted[i], now));
  Instant at = std::max(now + wait, benched_until_);
  // One more at a time with every answer, and with every second, since answers can take minutes.
  if (ramp_ > 0 && unanswered_calls_ >= ramp_) {
    at = std::max(at, benched_until_ + kRampStep * (unanswered_calls_ + 1 - ramp_));
  }
  return at;
}

Reservation Allowance::reserve(const Need& need, Instant now) {
  Reservation held{.need = need, .open = true, .unanswered = true};
  const auto wanted = amounts(need);
  for (size_t i = 0; i < meters_.size(); ++i) {
    meters_[i].take(wanted[i], now);
    held.before[i] = {.sent = now, .taken = meters_[i].taken(), .unanswered = unanswered_[i]};
    unanswered_[i] += wanted[i];
  }
  ++unanswered_calls_;
  return held;
}

void Allowance::close(Reservation& held) {
  if (!held.unanswered) return;
  held.unanswered = false;
  const auto wanted = amounts(held.need);
  for (size_t i = 0; i < meters_.size(); ++i) unanswered_[i] = std::max(0.0, unanswered_[i] - wanted[i]);
  if (unanswered_calls_ > 0) --unanswered_calls_;
}

void Allowance::learn(Reservation& held, const StatedLimits& stated, Instant now) {
  for (size_t i = 0; i < meters_.size(); ++i) {
    if (!held.open) {
      // Sent before anything was known: all that can be said is what the answer says.
      held.before[i] = {.sent = now, .taken = meters_[i].taken(), .unanswered = unanswered_[i]};
    }
    meters_[i].learn(stated.meters[i], held.before[i], now);
    metered_ = metered_ || meters_[i].known();
  }
  if (metered_) ramp_ = 0;  // the meters say it better
}

void Allowance::answered(Reservation& held, const StatedLimits& stated, Instant now) {
  if (held.open && held.unanswered && ramp_ > 0 && held.before[0].sent >= benched_until_) {
    ramp_ = 2 * ramp_ > kRampDone ? 0 : 2 * ramp_;
  }
  close(held);
  learn(held, stated, now);
}

void Allowance::settle(Reservation& held, const Need& actual, Instant now) {
  close(held);
  if (!held.open) return;
  held.open = false;
  const auto wanted = amounts(held.need);
  const auto used = amounts(actual);
  for (size_t i = 1; i < meters_.size(); ++i) meters_[i].take(used[i] - wanted[i], now);
}

void Allowance::give_back(Reservation& held, Instant now) {
  close(held);
  if (!held.open) return;
  held.open = false;
  const auto wanted = amounts(held.need);
  for (size_t i = 0; i < meters_.size(); ++i) meters_[i].take(-wanted[i], now);
}

void Allowance::refused(Reservation& held, const StatedLimits& stated, Instant now) {
  close(held);
  if (held.open) {
    const auto wanted = amounts(held.need);
    for (size_t i = 0; i < meters_.size(); ++i) {
      meters_[i].take(-wanted[i], now);
      held.before[i].taken -= wanted[i];
    }
  }
  learn(held, stated, now);
  held.open = false;
}

void Allowance::bench(Instant until) {
  benched_until_ = std::max(benched_until_, until);
  if (!metered_) ramp_ = 1;
}

void Allowance::restore(const std::array<double, 3>& limits, const std::array<double, 3>& levels, Instant at) {
  for (size_t i = 0; i < meters_.size(); ++i) {
    meters_[i].restore(limits[i], levels[i], at);
    metered_ = metered_ || meters_[i].known();
  }
}

}  // namespace baton::accounts
