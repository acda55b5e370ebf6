#include "net/dns_cache.h"

#include <algorithm>
#include <utility>

namespace baton::net {

namespace {
constexpr Duration kFreshMin = std::chrono::seconds(1);
constexpr Duration kFailureHold = std::chrono::seconds(5);
}  // namespace

DnsCache::Entry* DnsCache::find(const std::string& host) {
  auto found = by_host_.find(host);
  if (found == by_host_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front();
}

const std::vector<IpAddress>* DnsCache::usable(const std::string& host, Instant now) {
  Entry* entry = find(host);
  if (entry == nullptr) return nullptr;
  bool holding = now < entry->ask_again && now < entry->stale_until;
  return now < entry->fresh_until || holding ? &entry->addresses : nullptr;
}

const std::vector<IpAddress>* DnsCache::stale(const std::string& host, Instant now) {
  Entry* entry = find(host);
  return entry != nullptr && now < entry->stale_until ? &entry->addresses : nullptr;
}

void DnsCache::store(const std::string& host, std::vector<IpAddress> addresses, Duration ttl, Instant now) {
  Entry* entry = find(host);
  if (entry == nullptr) {
    if (entries_.size() >= options_.hosts_max) erase(std::string(entries_.back().host));
    entries_.push_front(Entry{.host = host, .addresses = {}, .fresh_until = {}, .stale_until = {}, .ask_again = {}});
    by_host_[host] = entries_.begin();
    entry = &entries_.front();
  }
  entry->addresses = std::move(addresses);
  entry->fresh_until = now + std::min(std::max(ttl, kFreshMin), options_.refresh);
  entry->stale_until = std::max(entry->fresh_until, now + options_.stale_max);
  entry->ask_again = {};
}

void DnsCache::note_failure(const std::string& host, Instant now) {
  if (Entry* entry = find(host)) entry->ask_again = now + kFailureHold;
}

void DnsCache::erase(const std::string& host) {
  auto found = by_host_.find(host);
  if (found == by_host_.end()) return;
  entries_.erase(found->second);
  by_host_.erase(found);
}

}  // namespace baton::net
