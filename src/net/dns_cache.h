// DnsCache: the answers a resolver remembers. An answer is fresh for its TTL, but at least a second and at most
// `refresh`; when DNS fails it serves on, stale, until `stale_max` after it was given. Life: in a resolver. Thread: one
// loop. Bounds: hosts_max hosts, the least recently used goes. `now` is an argument. Source: RFC 8767 (serving stale
// data).
#pragma once

#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "net/address.h"

namespace baton::net {

struct DnsCacheOptions {
  Duration refresh = std::chrono::seconds(60);
  Duration stale_max = std::chrono::seconds(3600);
  size_t hosts_max = 1024;
};

class DnsCache {
 public:
  explicit DnsCache(const DnsCacheOptions& options) : options_(options) {}

  // An answer that may be used without asking: fresh, or stale while DNS is known to fail. Null otherwise; borrowed
  // until the next call.
  const std::vector<IpAddress>* usable(const std::string& host, Instant now);
  // What is left when asking has failed; null when there is nothing or it is too old.
  const std::vector<IpAddress>* stale(const std::string& host, Instant now);

  void store(const std::string& host, std::vector<IpAddress> addresses, Duration ttl, Instant now);
  // DNS did not answer: the stale answer is used for a few seconds without asking again.
  void note_failure(const std::string& host, Instant now);
  // DNS says that there is no such host.
  void erase(const std::string& host);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string host;
    std::vector<IpAddress> addresses;
    Instant fresh_until;
    Instant stale_until;
    Instant ask_again;
  };
  Entry* find(const std::string& host);

  DnsCacheOptions options_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_host_;
};

}  // namespace baton::net
