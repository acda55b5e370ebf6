#include "model/outcome.h"

namespace baton::model {

std::string_view name(AttemptResult result) {
  switch (result) {
    case AttemptResult::kOk: return "ok";
    case AttemptResult::kClientError: return "client_error";
    case AttemptResult::kUnauthorized: return "unauthorized";
    case AttemptResult::kForbidden: return "forbidden";
    case AttemptResult::kRateLimited: return "rate_limited";
    case AttemptResult::kServerError: return "server_error";
    case AttemptResult::kOverloaded: return "overloaded";
    case AttemptResult::kEarlyError: return "early_error";
    case AttemptResult::kConnectFailed: return "connect_failed";
    case AttemptResult::kTlsFailed: return "tls_failed";
    case AttemptResult::kReset: return "reset";
    case AttemptResult::kTimeout: return "timeout";
    case AttemptResult::kBadReply: return "bad_reply";
    case AttemptResult::kCancelled: return "cancelled";
  }
  return "unknown";
}

std::string_view name(Ending ending) {
  switch (ending) {
    case Ending::kComplete: return "complete";
    case Ending::kRefusedByUs: return "refused";
    case Ending::kUpstreamCut: return "upstream_cut";
    case Ending::kClientGone: return "client_gone";
    case Ending::kDrained: return "drained";
    case Ending::kTimedOut: return "timed_out";
    case Ending::kUnknown: return "unknown";
  }
  return "unknown";
}

std::string_view name(CacheUse use) {
  switch (use) {
    case CacheUse::kNone: return "none";
    case CacheUse::kOff: return "off";
    case CacheUse::kMiss: return "miss";
    case CacheUse::kHit: return "hit";
    case CacheUse::kCoalesced: return "coalesced";
    case CacheUse::kSimilar: return "similar";
    case CacheUse::kStale: return "stale";
    case CacheUse::kRefresh: return "refresh";
    case CacheUse::kWarm: return "warm";
  }
  return "unknown";
}

}  // namespace baton::model
