#include "accounts/verdict.h"

#include <gtest/gtest.h>

namespace baton::accounts {
namespace {

using model::AttemptResult;

struct Row {
  const char* name;
  AttemptEnd end;
  Verdict want;
};

TEST(Verdict, every_way_an_attempt_can_end_has_its_next_step) {
  using enum Next;
  using W = Wait;
  using E = Effect;
  const Row rows[] = {
      {"a success is delivered", {.status = 200}, {AttemptResult::kOk, kDeliver, false, W::kNever, E::kServed}},
      {"not modified is delivered", {.status = 304}, {AttemptResult::kOk, kDeliver, false, W::kNever, E::kServed}},
      {"a redirect is not followed", {.status = 302}, {AttemptResult::kBadReply, kDeliver, false}},
      {"the client's own mistake is delivered and says nothing of the account",
       {.status = 400},
       {AttemptResult::kClientError, kDeliver, false}},
      {"not found is delivered", {.status = 404}, {AttemptResult::kClientError, kDeliver, false}},
      {"too large is delivered", {.status = 413}, {AttemptResult::kClientError, kDeliver, false}},
      {"unprocessable is delivered", {.status = 422}, {AttemptResult::kClientError, kDeliver, false}},
      {"a bad key moves and parks",
       {.status = 401},
       {AttemptResult::kUnauthorized, kOtherAccount, false, W::kNever, E::kUnauthorized}},
      {"an empty purse moves and parks",
       {.status = 402},
       {AttemptResult::kUnauthorized, kOtherAccount, false, W::kNever, E::kUnauthorized}},
      {"not allowed moves and excludes",
       {.status = 403},
       {AttemptResult::kForbidden, kOtherAccount, false, W::kNever, E::kForbidden}},
      {"a limit moves, or waits for what it says",
       {.status = 429, .retry_after = true},
       {AttemptResult::kRateLimited, kOtherAccount, false, W::kAccount, E::kLimited}},
      {"a limit may say so by its fields only",
       {.status = 429, .limit_fields = true},
       {AttemptResult::kRateLimited, kOtherAccount, false, W::kAccount, E::kLimited}},
      {"a bare 429 is no limit",
       {.status = 429},
       {AttemptResult::kRateLimited, kOtherAccount, false, W::kBackoff, E::kOverloaded}},
      {"a spend cap parks",
       {.status = 429, .error_code = "enforced_spend_limit_reached"},
       {AttemptResult::kRateLimited, kOtherAccount, false, W::kNever, E::kSpendCap}},
      {"a contract's too, whatever limits it states",
       {.status = 429, .limit_fields = true, .error_code = "contract_spend_limit_reached"},
       {AttemptResult::kRateLimited, kOtherAccount, false, W::kNever, E::kSpendCap}},
      {"with a retry-after it is a throttle",
       {.status = 429, .retry_after = true, .error_code = "enforced_spend_limit_reached"},
       {AttemptResult::kRateLimited, kOtherAccount, false, W::kAccount, E::kLimited}},
      {"a sharp ramp is a bare 429",
       {.status = 429, .error_code = "ramp_limit_exceeded"},
       {AttemptResult::kRateLimited, kOtherAccount, false, W::kBackoff, E::kOverloaded}},
      {"overload moves, or waits a little",
       {.status = 529},
       {AttemptResult::kOverloaded, kOtherAccount, false, W::kBackoff, E::kOverloaded}},
      {"a server error is repeated once",
       {.status = 500},
       {AttemptResult::kServerError, kOnceMore, true, W::kBackoff, E::kFailed}},
      {"a gateway error is repeated once",
       {.status = 502},
       {AttemptResult::kServerError, kOnceMore, true, W::kBackoff, E::kFailed}},
      {"an early error event is repeated once",
       {.status = 200, .early_error = true},
       {AttemptResult::kEarlyError, kOnceMore, true, W::kBackoff, E::kOverloaded}},
      {"a refused connection moves",
       {.error = ErrorCode::kConnect},
       {AttemptResult::kConnectFailed, kOtherAccount, false, W::kBackoff, E::kFailed}},
      {"a silent host moves",
       {.error = ErrorCode::kConnectTimeout},
       {AttemptResult::kConnectFailed, kOtherAccount, false, W::kBackoff, E::kFailed}},
      {"our own bound is not the account's fault",
       {.error = ErrorCode::kOverloaded},
       {AttemptResult::kConnectFailed, kOtherAccount, false, W::kNever, E::kNothing}},
      {"a bad certificate moves",
       {.error = ErrorCode::kTls},
       {AttemptResult::kTlsFailed, kOtherAccount, false, W::kNever, E::kFailed}},
      {"a reset is repeated once",
       {.error = ErrorCode::kReset},
       {AttemptResult::kReset, kOnceMore, true, W::kBackoff, E::kFailed}},
      {"bad framing is repeated once",
       {.error = ErrorCode::kBadReply},
       {AttemptResult::kBadReply, kOnceMore, true, W::kNever, E::kFailed}},
      {"a timeout is not repeated",
       {.error = ErrorCode::kTimeout},
       {AttemptResult::kTimeout, kDeliver, true, W::kNever, E::kFailed}},
      {"a client that left is not served",
       {.error = ErrorCode::kCancelled},
       {AttemptResult::kCancelled, kDeliver, true}},
  };
  for (const Row& row : rows) {
    Verdict got = judge(row.end);
    EXPECT_EQ(got.result, row.want.result) << row.name;
    EXPECT_EQ(got.next, row.want.next) << row.name;
    EXPECT_EQ(got.may_have_been_processed, row.want.may_have_been_processed) << row.name;
    EXPECT_EQ(got.wait, row.want.wait) << row.name;
    EXPECT_EQ(got.effect, row.want.effect) << row.name;
  }
}

}  // namespace
}  // namespace baton::accounts
