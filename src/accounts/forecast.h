// Forecast: what a call will probably use, learnt per tenant and model class from what calls before it used: charged
// input tokens per body byte (cache reads are not charged, so the ratio falls where the cache works), output tokens,
// and the time to the first byte. max_tokens is a bound only: clients always send the largest. Life: one per
// AccountPool. Thread: any (relaxed atomics; a lost update is one sample lost). Bounds: kPlaces pairs; others that hash
// there share them. Source: our own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "accounts/allowance.h"
#include "accounts/limit_class.h"
#include "base/hash.h"
#include "base/units.h"

namespace baton::accounts {

class Forecast {
 public:
  static constexpr size_t kPlaces = 256;

  Need expect(std::string_view tenant, LimitClass limits, size_t body_bytes, std::optional<int64_t> max_tokens) const {
    const Place& place = at(tenant, limits);
    Need need{.input_tokens = static_cast<double>(place.input_per_byte.load(std::memory_order_relaxed)) *
                              static_cast<double>(body_bytes),
              .output_tokens = static_cast<double>(place.output_tokens.load(std::memory_order_relaxed))};
    if (max_tokens && *max_tokens >= 0)
      need.output_tokens = std::min(need.output_tokens, static_cast<double>(*max_tokens));
    return need;
  }
  void learn(std::string_view tenant, LimitClass limits, size_t body_bytes, const Need& used) {
    Place& place = at(tenant, limits);
    if (body_bytes > 0)
      move(place.input_per_byte, static_cast<float>(used.input_tokens / static_cast<double>(body_bytes)));
    move(place.output_tokens, static_cast<float>(used.output_tokens));
  }
  void first_byte(LimitClass limits, Duration took) {
    move(first_byte_[static_cast<size_t>(limits)], static_cast<float>(seconds(took)));
  }
  Duration first_byte(LimitClass limits) const {
    return Duration{static_cast<int64_t>(
        static_cast<double>(first_byte_[static_cast<size_t>(limits)].load(std::memory_order_relaxed)) * 1e9)};
  }

  // What another has learnt.
  void follow(const Forecast& before) {
    for (size_t i = 0; i < kPlaces; ++i) {
      copy(places_[i].input_per_byte, before.places_[i].input_per_byte);
      copy(places_[i].output_tokens, before.places_[i].output_tokens);
    }
    for (size_t i = 0; i < first_byte_.size(); ++i) copy(first_byte_[i], before.first_byte_[i]);
  }

 private:
  static constexpr float kStep = 0.2f;
  struct Place {
    std::atomic<float> input_per_byte{0.25f};
    std::atomic<float> output_tokens{256};
  };
  static void copy(std::atomic<float>& to, const std::atomic<float>& from) {
    to.store(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  static void move(std::atomic<float>& value, float sample) {
    const float now = value.load(std::memory_order_relaxed);
    value.store(now + kStep * (sample - now), std::memory_order_relaxed);
  }
  static size_t index(std::string_view tenant, LimitClass limits) {
    return hash64(tenant, static_cast<uint64_t>(limits)) % kPlaces;
  }
  Place& at(std::string_view tenant, LimitClass limits) { return places_[index(tenant, limits)]; }
  const Place& at(std::string_view tenant, LimitClass limits) const { return places_[index(tenant, limits)]; }

  std::array<Place, kPlaces> places_;
  std::array<std::atomic<float>, kLimitClasses> first_byte_{};
};

}  // namespace baton::accounts
