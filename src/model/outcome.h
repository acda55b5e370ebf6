// Outcome: the closed record of a Call, made once whatever happened. Attempt: one try at one Account.
// Life: on the Call's frame, handed to the ledger at the end. Bounds: attempts <= kAttemptsMax; texts are cut by who
// fills them in.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "model/route.h"
#include "model/trace_context.h"
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
  Duration began{0};  // since the call's first byte
  Duration first_byte{0};
  Duration total{0};
  Usage usage;
  bool usage_partial = false;  // the reply broke off before its last figures: more may be charged than `usage` says
  std::string server;          // the upstream's host; only of a call whose trace is sampled
};

// A wait for an account.
struct Wait {
  Duration began{0};  // since the call's first byte
  Duration took{0};
  bool served = false;
};

// How the Call ended for the client.
enum class Ending : uint8_t {
  kComplete,
  kRefusedByUs,
  kUpstreamCut,
  kClientGone,
  kDrained,
  kTimedOut,
  kUnknown,  // the process was killed before it ended
};
std::string_view name(Ending ending);

// What the reply cache had to do with a Messages call.
enum class CacheUse : uint8_t {
  kNone,  // not asked about: another operation, or the cache is turned off
  kOff,   // the call is not one whose answer may be reused
  kMiss,
  kHit,
  kCoalesced,  // the answer to another call that was under way
  kSimilar,    // the kept answer to the same question in other words
  kStale,      // an answer beyond its time, because the caller allowed it
  kRefresh,    // a call of the relay's own, which asks anew for such an answer
  kWarm,       // a call of the relay's own, which keeps a prompt in the vendor's cache
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
  uint64_t events = 0;                // of the stream, forwarded
  uint64_t pings_sent = 0;            // our own
  Usage usage;                        // of the attempt that was delivered, partial if it was cut
  bool reused = false;                // the answer was made for another call: `usage` was that one's, not spent again
  int64_t saved_nanodollars = 0;      // what that answer had cost; 0 where it is not known
  int64_t affinity_saved_tokens = 0;  // read from a prompt cache that a blind choice of the account had missed
  int64_t affinity_lost_tokens = 0;   // written again, because the account that held them could not take the call
  std::vector<Attempt> attempts;
  std::optional<int64_t> reserved_nanodollars;  // what budgets had set aside for it; nothing where nobody limits
  // What the call counts for in budgets, where that is not what its attempts cost as far as known.
  std::optional<int64_t> charged_nanodollars;
  // What keeps the journal's records of this call (store/journal.h) until its row is written: intent and end.
  std::array<std::shared_ptr<const void>, 2> journal;
  std::vector<Wait> waits;  // only of a call whose trace is sampled
  TraceContext trace;
  WallTime started;
  Duration duration{0};
  Duration first_byte{0};  // request complete to first reply byte sent; 0 when none
  Duration added{0};       // of that, what was spent in the relay itself
};

}  // namespace baton::model
