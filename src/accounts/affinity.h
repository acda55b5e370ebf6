// Affinity: which account a conversation belongs to, so that its prompt cache is found again. Rendezvous hashing
// chooses for newcomers (accounts come and go without moving others); Bindings remember where a conversation was last
// served, so that one that must move moves once and stays. Thread: rendezvous() is pure; Bindings any (striped
// mutexes). Bounds: kBindingsMax conversations, the least lately used of a stripe goes. Source: Thaler and Ravishankar
// 1998 (rendezvous), Mirrokni et al. 2018 (bounded loads).
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accounts/config.h"
#include "base/units.h"

namespace baton::accounts {

// The higher, the better suited is this place for the key; places get a share by weight.
double rendezvous(uint64_t key, std::string_view place, uint32_t weight);

// How many calls an account may have in flight, by its share of all of them. Few are always fine.
int64_t bounded_load(int64_t in_flight_total, double weight_share, double excess);

enum class AffinityPolicy : uint8_t { kCost, kSession, kRoundRobin };
std::optional<AffinityPolicy> parse_affinity_policy(std::string_view text);

class Bindings {
 public:
  explicit Bindings(Duration ttl) : ttl_(ttl) {}
  std::optional<uint32_t> find(uint64_t key, Instant now);
  void bind(uint64_t key, uint32_t account, Instant now);
  size_t size() const;
  struct Bound {
    uint64_t key;
    uint32_t account;
    Instant used;
  };
  // The latest of each stripe, the earliest of them first, so that bind() in this order restores them.
  std::vector<Bound> latest(size_t bindings_max) const;

 private:
  static constexpr size_t kStripes = 16;
  struct Entry {
    uint64_t key;
    uint32_t account;
    Instant used;
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::list<Entry> order;  // the latest first
    std::unordered_map<uint64_t, std::list<Entry>::iterator> by_key;
  };
  Stripe& stripe(uint64_t key) { return stripes_[(key >> 32) % kStripes]; }

  const Duration ttl_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace baton::accounts
