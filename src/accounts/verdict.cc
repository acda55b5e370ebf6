#include "accounts/verdict.h"

namespace baton::accounts {

using model::AttemptResult;

namespace {

Verdict judge_failure(ErrorCode error) {
  switch (error) {
    case ErrorCode::kConnect:
    case ErrorCode::kConnectTimeout:
      return {AttemptResult::kConnectFailed, Next::kOtherAccount, false, Wait::kBackoff, Effect::kFailed};
    // A bound of our own connection pool says nothing of the account.
    case ErrorCode::kOverloaded:
      return {AttemptResult::kConnectFailed, Next::kOtherAccount, false, Wait::kNever, Effect::kNothing};
    case ErrorCode::kTls: return {AttemptResult::kTlsFailed, Next::kOtherAccount, false, Wait::kNever, Effect::kFailed};
    case ErrorCode::kReset: return {AttemptResult::kReset, Next::kOnceMore, true, Wait::kBackoff, Effect::kFailed};
    case ErrorCode::kBadReply: return {AttemptResult::kBadReply, Next::kOnceMore, true, Wait::kNever, Effect::kFailed};
    case ErrorCode::kTimeout: return {AttemptResult::kTimeout, Next::kDeliver, true, Wait::kNever, Effect::kFailed};
    case ErrorCode::kCancelled: return {AttemptResult::kCancelled, Next::kDeliver, true};
    default: return {AttemptResult::kBadReply, Next::kDeliver, true};
  }
}

Verdict judge_rate_limit(const AttemptEnd& end) {
  Verdict verdict{AttemptResult::kRateLimited, Next::kOtherAccount, false, Wait::kAccount, Effect::kLimited};
  if (end.retry_after) return verdict;
  if (end.error_code == "enforced_spend_limit_reached" || end.error_code == "contract_spend_limit_reached") {
    verdict.effect = Effect::kSpendCap;
    verdict.wait = Wait::kNever;
    return verdict;
  }
  if (end.limit_fields) return verdict;
  // A bare 429 is no limit of the account: it is not benched, only not asked at once.
  verdict.effect = Effect::kOverloaded;
  verdict.wait = Wait::kBackoff;
  return verdict;
}

}  // namespace

Verdict judge(const AttemptEnd& end) {
  if (end.status == 0) return judge_failure(end.error);
  if (end.early_error) return {AttemptResult::kEarlyError, Next::kOnceMore, true, Wait::kBackoff, Effect::kOverloaded};
  switch (end.status) {
    case 401:
    case 402: return {AttemptResult::kUnauthorized, Next::kOtherAccount, false, Wait::kNever, Effect::kUnauthorized};
    case 403: return {AttemptResult::kForbidden, Next::kOtherAccount, false, Wait::kNever, Effect::kForbidden};
    case 429: return judge_rate_limit(end);
    case 529: return {AttemptResult::kOverloaded, Next::kOtherAccount, false, Wait::kBackoff, Effect::kOverloaded};
    default: break;
  }
  if (end.status >= 500) return {AttemptResult::kServerError, Next::kOnceMore, true, Wait::kBackoff, Effect::kFailed};
  // A redirect is not followed: it would carry a credential to a host nobody configured.
  if (end.status >= 300 && end.status < 400 && end.status != 304)
    return {AttemptResult::kBadReply, Next::kDeliver, false};
  if (end.status >= 400) return {AttemptResult::kClientError, Next::kDeliver, false};
  return {AttemptResult::kOk, Next::kDeliver, false, Wait::kNever, Effect::kServed};
}

}  // namespace baton::accounts
