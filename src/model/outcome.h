// Outcome: the closed record of a Call, made once whatever happened. Attempt: one try at one Account.
// Life: on the Call's frame, handed to the ledger at the end. Bounds: attempts <= kAttemptsMax; texts are cut by who
// fills them in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "model/route.h"
#include "model/usage.h"

namespace baton::model {

inline constexpr size_t kAttemptsMax = 16;

// How an Attempt went, as a metric label.
enum class AttemptResult : uint8_t {
  kOk,
  kClientError,
  kUnauthorized,
  kForbidden,
  kRateLimited,
  kServerError,
  kOverloaded,
  kEarlyError,
  kConnectFailed,
  kTlsFailed,
  kReset,
  kTimeout,
  kBadReply,
  kCancelled
};
std::string_view name(AttemptResult result);

struct Attempt {
  std::string account;
  std::string model;  // as the reply names it, cut at 256 bytes; empty when it does not
  AttemptResult result = AttemptResult::kOk;
  int status = 0;                        // of the upstream, 0 when there was none
  bool may_have_been_processed = false;  // sent in full and not refused: may cost money though it gave nothing
  bool reused_connection = false;
  Duration first_byte{0};
  Duration total{0};
  Usage usage;
};

// How the Call ended for the client.
enum class Ending : uint8_t { kComplete, kRefusedByUs, kUpstreamCut, kClientGone, kDrained, kTimedOut };
std::string_view name(Ending ending);

// What the reply cache had to do with a Messages call.
enum class CacheUse : uint8_t {
  kNone,  // not asked about: another operation, or the cache is turned off
  kOff,   // the call is not one whose answer may be reused
  kMiss,
  kHit,
  kCoalesced,  // the answer to another call that was under way
};
std::string_view name(CacheUse use);

struct Outcome {
  std::string request_id;  // ours
  std::string upstream_request_id;
  std::string client;  // who called: the client's name from config, or "local"
  std::string client_address;
  std::string key_id;      // of a key made at run time, else empty
  std::string team;        // of that key
  std::string tags;        // "env=ci,search": the key's and those of the request, sorted
  std::string session_id;  // what Claude Code says of itself, each cut at 128 bytes
  std::string agent_id;
  std::string parent_agent_id;
  Operation operation = Operation::kNone;
  std::string method;
  std::string path;   // without query, cut at 256 bytes
  std::string model;  // cut at 256 bytes; empty when not known
  bool stream = false;
  bool simulated = false;
  int status = 0;  // sent to the client, 0 when nothing was sent
  Ending ending = Ending::kComplete;
  std::string error;  // our own error's code, or empty
  CacheUse cache = CacheUse::kNone;
  uint64_t request_body_bytes = 0;
  uint64_t reply_body_bytes = 0;
  uint64_t events = 0;      // of the stream, forwarded
  uint64_t pings_sent = 0;  // our own
  Usage usage;              // of the attempt that was delivered, partial if it was cut
  std::vector<Attempt> attempts;
  WallTime started;
  Duration duration{0};
  Duration first_byte{0};  // request complete to first reply byte sent; 0 when none
  Duration added{0};       // of that, what was spent in the relay itself
};

}  // namespace baton::model
