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
  const Row rows[] = {
      {"a success is delivered", {.status = 200}, {AttemptResult::kOk, Next::kDeliver, false}},
      {"not modified is delivered", {.status = 304}, {AttemptResult::kOk, Next::kDeliver, false}},
      {"a redirect is not followed", {.status = 302}, {AttemptResult::kBadReply, Next::kDeliver, false}},
      {"the client's own mistake is delivered", {.status = 400}, {AttemptResult::kClientError, Next::kDeliver, false}},
      {"not found is delivered", {.status = 404}, {AttemptResult::kClientError, Next::kDeliver, false}},
      {"too large is delivered", {.status = 413}, {AttemptResult::kClientError, Next::kDeliver, false}},
      {"unprocessable is delivered", {.status = 422}, {AttemptResult::kClientError, Next::kDeliver, false}},
      {"a bad key moves", {.status = 401}, {AttemptResult::kUnauthorized, Next::kOtherAccount, false}},
      {"an empty purse moves", {.status = 402}, {AttemptResult::kUnauthorized, Next::kOtherAccount, false}},
      {"not allowed moves", {.status = 403}, {AttemptResult::kForbidden, Next::kOtherAccount, false}},
      {"a limit moves", {.status = 429}, {AttemptResult::kRateLimited, Next::kOtherAccount, false}},
      {"overload moves", {.status = 529}, {AttemptResult::kOverloaded, Next::kOtherAccount, false}},
      {"a server error is repeated once", {.status = 500}, {AttemptResult::kServerError, Next::kOnceMore, true}},
      {"a gateway error is repeated once", {.status = 502}, {AttemptResult::kServerError, Next::kOnceMore, true}},
      {"an early error event is repeated once",
       {.status = 200, .early_error = true},
       {AttemptResult::kEarlyError, Next::kOnceMore, true}},
      {"a refused connection moves",
       {.error = ErrorCode::kConnect},
       {AttemptResult::kConnectFailed, Next::kOtherAccount, false}},
      {"a silent host moves",
       {.error = ErrorCode::kConnectTimeout},
       {AttemptResult::kConnectFailed, Next::kOtherAccount, false}},
      {"a bad certificate moves", {.error = ErrorCode::kTls}, {AttemptResult::kTlsFailed, Next::kOtherAccount, false}},
      {"a reset is repeated once", {.error = ErrorCode::kReset}, {AttemptResult::kReset, Next::kOnceMore, true}},
      {"bad framing is repeated once",
       {.error = ErrorCode::kBadReply},
       {AttemptResult::kBadReply, Next::kOnceMore, true}},
      {"a timeout is not repeated", {.error = ErrorCode::kTimeout}, {AttemptResult::kTimeout, Next::kDeliver, true}},
      {"a client that left is not served",
       {.error = ErrorCode::kCancelled},
       {AttemptResult::kCancelled, Next::kDeliver, true}},
  };
  for (const Row& row : rows) {
    Verdict got = judge(row.end);
    EXPECT_EQ(got.result, row.want.result) << row.name;
    EXPECT_EQ(got.next, row.want.next) << row.name;
    EXPECT_EQ(got.may_have_been_processed, row.want.may_have_been_processed) << row.name;
  }
}

}  // namespace
}  // namespace baton::accounts
