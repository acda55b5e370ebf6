// What is kept of answers, and for how long.
#pragma once

#include <string>
#include <vector>

#include "base/secret.h"
#include "base/units.h"

namespace baton::reuse {

// What calls that may be reused allow without saying so: an answer that ended so long ago, while it is asked for anew;
// and one in place of an error.
struct StaleAllowed {
  Duration while_revalidate{0};
  Duration if_error{0};
  friend bool operator==(const StaleAllowed&, const StaleAllowed&) = default;
};

// The first that fits a call decides; none: Config.stale. The lists hold names, or beginnings with a '*' behind; an
// empty one fits anything.
struct StaleRule {
  std::vector<std::string> models;
  std::vector<std::string> clients;
  std::vector<std::string> teams;
  StaleAllowed stale = {};
  friend bool operator==(const StaleRule&, const StaleRule&) = default;
};
inline constexpr size_t kStaleRulesMax = 256;

struct Config {
  size_t bytes_max = 1 * kGiB;             // all that is kept, with what it takes to find it; 0: nothing is reused
  size_t entry_bytes_max = 1 * kMiB;       // a larger reply is not kept
  Duration ttl = std::chrono::minutes(5);  // each entry's own lies within a tenth of it
  Duration stale_max = std::chrono::minutes(10);  // how much longer it is held for those who take it stale
  StaleAllowed stale = {};
  std::vector<StaleRule> stale_rules = {};
  std::string policy = "value";           // a name of cache::PolicyKind
  size_t disk_bytes_max = 0;              // of replies on the disk, for the next start; 0: none
  size_t sketch_keys = 10'000'000;        // keys whose popularity the `tinylfu` policy can tell apart
  double ahead_share = 0;                 // of what calls that may be reused cost, for asking anew ahead of time
  bool coalesce = true;                   // calls that ask the same at the same time share one upstream call
  size_t flight_bytes_max = 1 * kMiB;     // of its reply, held for readers that are behind or come late
  size_t flights_bytes_max = 128 * kMiB;  // of all such replies together
};

// Kept replies that several relays share in a Redis.
struct SharedConfig {
  Secret url = {};           // redis://[user:password@]host:port[/database], or rediss://; empty: none
  Secret secret = {};        // that the relays have in common
  std::string ca_file = {};  // for rediss://; empty: the system's
  Duration timeout = std::chrono::milliseconds(2);  // of an answer that a call waits for
  Duration wait_max = std::chrono::seconds(10);     // for another relay that makes the same call; 0: never
  bool on() const { return !url.empty(); }
};

// A wait for another relay: how often it is looked whether it is over.
inline constexpr Duration kTurnPauseMin = std::chrono::milliseconds(5);
inline constexpr Duration kTurnPauseMax = std::chrono::milliseconds(200);

// Streams that a dropped client may come back to.
struct ResumeConfig {
  Duration grace = std::chrono::seconds(60);  // after its last reader left; 0: nothing can be resumed
  size_t streams_max = 10'000;
};

// Upstream calls that others may share, at once; beyond it calls go alone.
inline constexpr size_t kFlightsMax = 65'536;

// Kept replies that one loop asks for anew at once while nobody waits; beyond it they stay stale.
inline constexpr size_t kRefreshesMax = 64;
// Questions of one loop that come round and wait to be asked ahead, and their requests; more are not asked ahead.
inline constexpr size_t kLaterMax = 4096;
inline constexpr size_t kLaterBytesMax = 32 * kMiB;
// After one that failed, for the same reply.
inline constexpr Duration kRefreshPause = std::chrono::seconds(2);
// Kept replies that wait for the disk; more are kept in memory alone.
inline constexpr size_t kLogQueueBytesMax = 16 * kMiB;

// A larger request is not looked up.
inline constexpr size_t kRequestBytesMax = 4 * kMiB;
// Tenants that one loop keeps a secret for; they are few and named in the configuration.
inline constexpr size_t kTenantsMax = 100'000;

}  // namespace baton::reuse
