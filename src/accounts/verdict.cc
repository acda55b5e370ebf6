#include "accounts/verdict.h"

namespace baton::accounts {

using model::AttemptResult;

namespace {

Verdict judge_failure(ErrorCode error) {
  switch (error) {
    case ErrorCode::kConnect:
    case ErrorCode::kConnectTimeout:
    case ErrorCode::kOverloaded: return {AttemptResult::kConnectFailed, Next::kOtherAccount, false};
    case ErrorCode::kTls: return {AttemptResult::kTlsFailed, Next::kOtherAccount, false};
    case ErrorCode::kReset: return {AttemptResult::kReset, Next::kOnceMore, true};
    case ErrorCode::kBadReply: return {AttemptResult::kBadReply, Next::kOnceMore, true};
    case ErrorCode::kTimeout: return {AttemptResult::kTimeout, Next::kDeliver, true};
    case ErrorCode::kCancelled: return {AttemptResult::kCancelled, Next::kDeliver, true};
    default: return {AttemptResult::kBadReply, Next::kDeliver, true};
  }
}

}  // namespace

Verdict judge(const AttemptEnd& end) {
  if (end.status == 0) return judge_failure(end.error);
  if (end.early_error) return {AttemptResult::kEarlyError, Next::kOnceMore, true};
  switch (end.status) {
    case 401:
    case 402: return {AttemptResult::kUnauthorized, Next::kOtherAccount, false};
    case 403: return {AttemptResult::kForbidden, Next::kOtherAccount, false};
    case 429: return {AttemptResult::kRateLimited, Next::kOtherAccount, false};
    case 529: return {AttemptResult::kOverloaded, Next::kOtherAccount, false};
    default: break;
  }
  if (end.status >= 500) return {AttemptResult::kServerError, Next::kOnceMore, true};
  // A redirect is not followed: it would carry a credential to a host nobody configured.
  if (end.status >= 300 && end.status < 400 && end.status != 304)
    return {AttemptResult::kBadReply, Next::kDeliver, false};
  if (end.status >= 400) return {AttemptResult::kClientError, Next::kDeliver, false};
  return {AttemptResult::kOk, Next::kDeliver, false};
}

}  // namespace baton::accounts
