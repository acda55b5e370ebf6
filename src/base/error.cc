#include "base/error.h"

namespace baton {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadRequest: return "bad_request";
    case ErrorCode::kHeadTooLarge: return "head_too_large";
    case ErrorCode::kBodyTooLarge: return "body_too_large";
    case ErrorCode::kTooSlow: return "too_slow";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kMethodNotAllowed: return "method_not_allowed";
    case ErrorCode::kVersion: return "version";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kUnauthenticated: return "unauthenticated";
    case ErrorCode::kForbidden: return "forbidden";
    case ErrorCode::kRateLimited: return "rate_limited";
    case ErrorCode::kBudgetSpent: return "budget_spent";
    case ErrorCode::kConnect: return "connect";
    case ErrorCode::kConnectTimeout: return "connect_timeout";
    case ErrorCode::kTls: return "tls";
    case ErrorCode::kReset: return "reset";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kBadReply: return "bad_reply";
    case ErrorCode::kReplyTooLarge: return "reply_too_large";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kOverloaded: return "overloaded";
    case ErrorCode::kNoAccount: return "no_account";
    case ErrorCode::kConfig: return "config";
    case ErrorCode::kStore: return "store";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

}  // namespace baton
