// FirstByte: how long an endpoint will take to its first byte: the measured time of the network to it plus what its
// server took lately. A slower answer than expected counts at once, faster ones move it over ten seconds (a peak-EWMA),
// so that trouble is noticed with one call and believed over for good only after some. The network's time comes from
// probes and moves the estimate without any call. Life: a member of an endpoint. Thread: any; relaxed atomics, so that
// of two samples at one moment one may be lost. Bounds: four numbers. Source: Finagle's Peak EWMA balancer.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "base/units.h"

namespace baton::accounts {

class FirstByte {
 public:
  static constexpr Duration kMemory = std::chrono::seconds(10);

  // 0: never probed.
  Duration network() const { return Duration{network_ns_.load(std::memory_order_relaxed)}; }
  void probed(Duration round_trip) {
    const int64_t before = network_ns_.load(std::memory_order_relaxed);
    const int64_t now = std::max<int64_t>(round_trip.count(), 1);
    // Single probes jitter; a route that has changed does not come back.
    network_ns_.store(before == 0 ? now : before + (now - before) / 2, std::memory_order_relaxed);
  }

  bool known() const { return sampled_at_.load(std::memory_order_relaxed).ns != 0; }
  Instant sampled_at() const { return sampled_at_.load(std::memory_order_relaxed); }
  // What the server itself takes; 0 while no call was answered.
  Duration server() const { return Duration{server_ns_.load(std::memory_order_relaxed)}; }
  // The priors: what others of the account take, for an endpoint that answered no call, or no probe either.
  Duration expected(Duration server_prior, Duration network_prior = {}) const {
    if (known()) return network() + server();
    return (network().count() > 0 ? network() : network_prior) + server_prior;
  }

  void sample(Duration first_byte, Instant now) {
    const auto took = static_cast<double>(std::max<int64_t>((first_byte - network()).count(), 0));
    const Instant last = sampled_at_.load(std::memory_order_relaxed);
    double value = took;
    if (last.ns != 0) {
      const auto before = static_cast<double>(server_ns_.load(std::memory_order_relaxed));
      const double kept = std::exp(-seconds(std::max(now - last, Duration{0})) / seconds(kMemory));
      if (took < before) value = before * kept + took * (1 - kept);
    }
    server_ns_.store(static_cast<int64_t>(value), std::memory_order_relaxed);
    sampled_at_.store(now, std::memory_order_relaxed);
  }
  void follow(const FirstByte& before) {
    network_ns_.store(before.network().count(), std::memory_order_relaxed);
    server_ns_.store(before.server().count(), std::memory_order_relaxed);
    sampled_at_.store(before.sampled_at(), std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> network_ns_{0};
  std::atomic<int64_t> server_ns_{0};
  std::atomic<Instant> sampled_at_{Instant{}};
};

}  // namespace baton::accounts
