// FairOrder: in which order waiting calls of several tenants are served: start-time fair queueing. A call's place is
// the later of the present virtual time and the end of its tenant's call before it; a tenant with many calls is behind
// itself, not before others. Life: a member of who keeps the queue. Thread: its mutex. Bounds: one entry per tenant
// (the configuration's clients). Source: Goyal, Vin, Cheng, "Start-time Fair Queuing", 1996.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace baton {

class FairOrder {
 public:
  struct Place {
    double start = 0;
    uint64_t number = 0;  // in order of arrival
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Tenant {
    double finish = 0;
    size_t waiting = 0;
  };

  Place enter(std::string_view name, double cost, double weight = 1) {
    Tenant& tenant = of(name);
    const double start = std::max(now_, tenant.finish);
    tenant.finish = start + cost / weight;
    ++tenant.waiting;
    return {start, ++number_};
  }
  void served(std::string_view name, const Place& place) {
    now_ = std::max(now_, place.start);
    --of(name).waiting;
  }
  // Left without being served: what it would have cost is not held against its tenant.
  void left(std::string_view name, double cost, double weight = 1) {
    Tenant& tenant = of(name);
    --tenant.waiting;
    tenant.finish -= cost / weight;
  }
  size_t waiting(std::string_view name) const {
    auto found = tenants_.find(std::string(name));
    return found == tenants_.end() ? 0 : found->second.waiting;
  }
  size_t tenants_waiting() const {
    return static_cast<size_t>(
        std::count_if(tenants_.begin(), tenants_.end(), [](const auto& one) { return one.second.waiting > 0; }));
  }
  // Who has most calls waiting.
  std::string_view longest() const {
    auto found = std::max_element(tenants_.begin(), tenants_.end(),
                                  [](const auto& a, const auto& b) { return a.second.waiting < b.second.waiting; });
    return found == tenants_.end() ? std::string_view{} : std::string_view(found->first);
  }

 private:
  Tenant& of(std::string_view name) { return tenants_[std::string(name)]; }
  std::unordered_map<std::string, Tenant> tenants_;
  double now_ = 0;
  uint64_t number_ = 0;
};

}  // namespace baton
