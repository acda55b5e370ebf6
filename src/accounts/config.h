// The accounts that the operator owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/units.h"

namespace baton::accounts {

inline constexpr size_t kAccountsMax = 1024;
inline constexpr size_t kExclusionsMax =
    32;  // models per account that it answered 403 for; beyond it the oldest is forgotten
inline constexpr size_t kGroupsMax = 64;         // of accounts
inline constexpr size_t kRoutesMax = 256;        // of the configuration
inline constexpr size_t kFallbackModelsMax = 4;  // of one route
inline constexpr size_t kEndpointsMax = 16;      // of one account, base_url included
inline constexpr size_t kBindingsMax = 65'536;   // conversations whose account is remembered

// Another place where the same account answers: a region, a gateway.
struct EndpointConfig {
  std::string name;  // for the operator; the URL's host by default
  std::string url;
};

struct AccountConfig {
  std::string name;
  std::string provider = "anthropic";
  std::string base_url = "https://api.anthropic.com";
  std::vector<EndpointConfig> endpoints;  // besides base_url, with the same key, limits and proxy
  Secret key;
  bool passthrough = false;       // key: passthrough — forward the client's own credential
  uint32_t weight = 1;            // 1 to 1000
  std::string group = "default";  // what routes name
  std::string limit_domain;       // what the vendor meters together; the account's name by default
  std::string cache_domain;       // what shares a prompt cache; limit_domain + "/default" by default
  std::string ca_file;            // PEM bundle instead of the system's
  std::string proxy;              // http://user:pw@host:port or socks5://host:port
  bool allow_private = false;     // base_url may resolve to a loopback, private or link-local address
  bool show_rate_limits = false;  // anthropic-ratelimit-* reach the client
  std::string compress = "off";   // of request bodies: off, auto (where it saves time), always
  // Ceilings of the operator's own, for each model class; 0: what the vendor states is all.
  uint64_t requests_per_minute = 0;
  uint64_t input_tokens_per_minute = 0;
  uint64_t output_tokens_per_minute = 0;
};

// Calls that fit no account now wait here.
struct QueueConfig {
  Duration max_wait = std::chrono::seconds(30);       // 0: nothing waits, neither for room nor before a repetition
  uint32_t length_max = 10'000;                       // waiting calls, over all loops
  Duration group_patience = std::chrono::seconds(1);  // a call waits so long for an earlier group before the next
};

// The pause before the same account is asked again, when it said nothing of when: first + a random share of the rest.
struct BackoffConfig {
  Duration first = std::chrono::milliseconds(100);  // the least pause
  Duration base = std::chrono::milliseconds(500);   // the most before the first repetition; doubles
  Duration max = std::chrono::seconds(5);
};

struct RetryBudgetConfig {
  double share = 0.2;  // repeated attempts under way, of the calls under way
  uint32_t least = 3;  // always allowed
};

// A second attempt beside one that is slower than 95 of 100; the first good answer wins, the other is cancelled.
struct HedgeConfig {
  bool enabled = false;
  Duration after_least = std::chrono::milliseconds(100);  // none is made before
  double budget_share = 0.05;                             // of the calls
};

struct HealthConfig {
  uint32_t failures = 5;  // in a row
  Duration ejection_base = std::chrono::seconds(30);
  Duration ejection_max = std::chrono::seconds(300);
  double ejected_share_max = 0.5;
  Duration probe_interval = std::chrono::seconds(60);  // of an account that is parked for its credential or its purse
  Duration slow_start = std::chrono::seconds(30);      // over which an account that came back gets its full share
};

// Prices of input, next to a plain token's. Enough for choosing; what things cost is the ledger's.
inline constexpr double kReadPrice = 0.1;
inline constexpr double kWritePrice = 1.25;
inline constexpr double kLongWritePrice = 2;

struct AffinityConfig {
  Duration ttl = std::chrono::hours(1);         // a conversation's account is remembered so long after its last call
  Duration patience = std::chrono::seconds(1);  // a call waits so long for its conversation's account rather than move
  double load_excess = 0.25;                    // an account may have so much more than its share in flight
  // cost: where a call's prompt is cheapest; session: where its conversation was; round_robin: in turns, for
  // comparison.
  std::string policy = "cost";
  Duration cache_ttl = std::chrono::minutes(5);  // of the vendor's prompt cache; and of entries that ask for longer:
  Duration cache_ttl_long = std::chrono::hours(1);
  uint32_t prefixes_max = 65'536;                     // prefixes of prompts whose places are remembered
  Duration load_half_life = std::chrono::minutes(1);  // of the tokens that count as an account's load
  Duration leader_wait = std::chrono::seconds(2);     // a call waits so long for another that writes its prefix; 0: not
  uint32_t leader_tokens_min = 4'096;                 // for so much that would be written twice
};

// Prompts in vendors' prompt caches, beyond what calls themselves do there.
struct WarmthConfig {
  double keep_warm_share = 0;           // of what calls with marked prompts cost, to keep entries from running out
  uint32_t asks_max = 3;                // for one prompt in a row
  size_t bytes_max = 64 * kMiB;         // of requests that are held for it
  std::string write_admission = "off";  // or "shadow": counts what writing less would have saved and lost
  bool any() const { return keep_warm_share > 0 || write_admission == "shadow"; }
};
// A larger request is not held.
inline constexpr size_t kWarmBodyBytesMax = 2 * kMiB;
// Prompts of one loop that wait to be asked for; and calls for them at once. More are let go.
inline constexpr size_t kWarmWaitingMax = 16 * 1024;
inline constexpr size_t kWarmCallsMax = 32;

// Which calls go through which groups of accounts, in which order. The lists that match hold names, or beginnings with
// a '*' behind; an empty one fits anything.
struct RouteConfig {
  std::vector<std::string> models;
  std::vector<std::string> clients;
  std::vector<std::string> teams;
  std::vector<std::string> groups;           // empty: all accounts, in no order
  std::vector<std::string> fallback_models;  // that may stand in where the caller allows it
};

// How many calls an endpoint gets at a time, found from its first-byte times.
struct ConcurrencyConfig {
  bool adaptive = false;
  uint32_t initial = 32;
  uint32_t least = 8;
  uint32_t most = 1000;
  double tolerance = 0.25;                         // so much slower than with little to do is no congestion
  Duration slack = std::chrono::milliseconds(20);  // nor is so much
  Duration remeasure = std::chrono::seconds(60);   // of the first-byte time with little to do
};

// The time of the network to the endpoints of accounts that have several.
struct ProbeConfig {
  Duration interval = std::chrono::seconds(30);  // between two rounds, a fifth more or less at random; 0: never
  Duration timeout = std::chrono::seconds(2);    // of one probe
};

struct Config {
  std::vector<AccountConfig> accounts;
  std::vector<RouteConfig> routes;
  uint32_t attempts_max = 3;  // per call, 1 to model::kAttemptsMax
  QueueConfig queue;
  BackoffConfig backoff;
  RetryBudgetConfig retry_budget;
  HedgeConfig hedge;
  HealthConfig health;
  AffinityConfig affinity;
  ConcurrencyConfig concurrency;
  ProbeConfig probes;
  WarmthConfig warmth;
};

}  // namespace baton::accounts
