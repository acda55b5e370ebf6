#include "accounts/affinity.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace baton::accounts {

double rendezvous(uint64_t key, std::string_view place, uint32_t weight) {
  const uint64_t hash = hash64(place, key);
  const double unit = (static_cast<double>(hash >> 11) + 0.5) * 0x1.0p-53;  // in (0, 1)
  return -static_cast<double>(weight) / std::log(unit);
}

int64_t bounded_load(int64_t in_flight_total, double weight_share, double excess) {
  constexpr int64_t kAlwaysFine = 4;
  const double share = (1 + excess) * static_cast<double>(in_flight_total + 1) * weight_share;
  return std::max(kAlwaysFine, static_cast<int64_t>(std::ceil(share)));
}

std::optional<AffinityPolicy> parse_affinity_policy(std::string_view text) {
  if (text == "cost") return AffinityPolicy::kCost;
  if (text == "session") return AffinityPolicy::kSession;
  if (text == "round_robin") return AffinityPolicy::kRoundRobin;
  return std::nullopt;
}

std::optional<uint32_t> Bindings::find(uint64_t key, Instant now) {
  Stripe& in = stripe(key);
  std::lock_guard lock(in.mutex);
  auto found = in.by_key.find(key);
  if (found == in.by_key.end()) return std::nullopt;
  if (now - found->second->used > ttl_) {
    in.order.erase(found->second);
    in.by_key.erase(found);
    return std::nullopt;
  }
  return found->second->account;
}

void Bindings::bind(uint64_t key, uint32_t account, Instant now) {
  Stripe& in = stripe(key);
  std::lock_guard lock(in.mutex);
  auto found = in.by_key.find(key);
  if (found != in.by_key.end()) {
    *found->second = {key, account, now};
    in.order.splice(in.order.begin(), in.order, found->second);
    return;
  }
  if (in.by_key.size() >= kBindingsMax / kStripes) {
    in.by_key.erase(in.order.back().key);
    in.order.pop_back();
  }
  in.order.push_front({key, account, now});
  in.by_key.emplace(key, in.order.begin());
}

size_t Bindings::size() const {
  size_t total = 0;
  for (const Stripe& in : stripes_) {
    std::lock_guard lock(in.mutex);
    total += in.by_key.size();
  }
  return total;
}

std::vector<Bindings::Bound> Bindings::latest(size_t bindings_max) const {
  std::vector<Bound> out;
  for (const Stripe& in : stripes_) {
    std::lock_guard lock(in.mutex);
    size_t left = bindings_max / kStripes;
    for (auto at = in.order.begin(); at != in.order.end() && left > 0; ++at, --left) {
      out.push_back({at->key, at->account, at->used});
    }
  }
  std::ranges::sort(out,
                    [](const Bound& a, const Bound& b) { return a.used != b.used ? a.used < b.used : a.key < b.key; });
  return out;
}

}  // namespace baton::accounts
