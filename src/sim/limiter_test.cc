#include "sim/limiter.h"

#include <gtest/gtest.h>

#include "sim/timestamp.h"

namespace baton::sim {
namespace {

using Meter = Limiter::Meter;

constexpr Instant kStart{1'000'000'000'000};
Instant after(double s) { return kStart + Duration(static_cast<int64_t>(s * 1e9)); }

TEST(Limiter, AdmitsWithinEachMeter) {
  struct Step {
    double at_s;
    Limiter::Need need;
    Meter exceeded;
    uint32_t retry_after_s;
  };
  struct Row {
    std::string name;
    OrgConfig org;
    std::vector<Step> steps;
  };
  const Row rows[] = {
      {"no limits", {}, {{0, {1'000'000'000, 1'000'000'000}, Meter::kNone, 0}}},
      {"requests refill continuously",
       {.requests_per_minute = 2},
       {{0, {}, Meter::kNone, 0},
        {0, {}, Meter::kNone, 0},
        {0, {}, Meter::kRequests, 30},
        {29.9, {}, Meter::kRequests, 1},
        {30, {}, Meter::kNone, 0}}},
      {"input is taken whole",
       {.input_tokens_per_minute = 6'000},
       {{0, {.input_tokens = 5'000}, Meter::kNone, 0},
        {0, {.input_tokens = 2'000}, Meter::kInputTokens, 10},
        {0, {.input_tokens = 1'000}, Meter::kNone, 0},
        {10, {.input_tokens = 1'000}, Meter::kNone, 0}}},
      {"more input than the limit never fits",
       {.input_tokens_per_minute = 100},
       {{0, {.input_tokens = 101}, Meter::kInputTokens, 1}}},
      {"output may leave a debt that must be paid first",
       {.output_tokens_per_minute = 600},
       {{0, {.output_tokens = 900}, Meter::kNone, 0},
        {0, {.output_tokens = 1}, Meter::kOutputTokens, 31},
        {31, {.output_tokens = 1}, Meter::kNone, 0}}},
      {"a refusal takes nothing",
       {.requests_per_minute = 60, .input_tokens_per_minute = 100},
       {{0, {.input_tokens = 100}, Meter::kNone, 0},
        {0, {.input_tokens = 50}, Meter::kInputTokens, 30},
        {30, {.input_tokens = 50}, Meter::kNone, 0}}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Limiter limiter(row.org);
    for (const Step& step : row.steps) {
      SCOPED_TRACE(step.at_s);
      auto verdict = limiter.admit(step.need, after(step.at_s));
      EXPECT_EQ(verdict.exceeded, step.exceeded);
      EXPECT_EQ(verdict.retry_after_s, step.retry_after_s);
    }
  }
}

TEST(Limiter, WhatWasNotSentIsGivenBack) {
  Limiter limiter({.output_tokens_per_minute = 100});
  EXPECT_EQ(limiter.admit({.output_tokens = 200}, kStart).exceeded, Meter::kNone);
  EXPECT_EQ(limiter.admit({.output_tokens = 1}, kStart).exceeded, Meter::kOutputTokens);
  limiter.give_back(150, kStart);
  EXPECT_EQ(limiter.admit({.output_tokens = 1}, kStart).exceeded, Meter::kNone);
}

TEST(Limiter, FieldsShowLimitsRoundedRemaindersAndTheTimeOfFullness) {
  Limiter limiter({.requests_per_minute = 60, .input_tokens_per_minute = 80'000, .output_tokens_per_minute = 16'000});
  limiter.admit({.input_tokens = 20'400, .output_tokens = 4'000}, kStart);
  std::string fields;
  limiter.append_fields(fields, kStart, WallTime(std::chrono::milliseconds(1'764'000'000'000)));
  EXPECT_EQ(fields,
            "anthropic-ratelimit-requests-limit: 60\r\n"
            "anthropic-ratelimit-requests-remaining: 59\r\n"
            "anthropic-ratelimit-requests-reset: 2025-11-24T16:00:01Z\r\n"
            "anthropic-ratelimit-input-tokens-limit: 80000\r\n"
            "anthropic-ratelimit-input-tokens-remaining: 60000\r\n"
            "anthropic-ratelimit-input-tokens-reset: 2025-11-24T16:00:16Z\r\n"
            "anthropic-ratelimit-output-tokens-limit: 16000\r\n"
            "anthropic-ratelimit-output-tokens-remaining: 12000\r\n"
            "anthropic-ratelimit-output-tokens-reset: 2025-11-24T16:00:15Z\r\n"
            "anthropic-ratelimit-tokens-limit: 96000\r\n"
            "anthropic-ratelimit-tokens-remaining: 72000\r\n"
            "anthropic-ratelimit-tokens-reset: 2025-11-24T16:00:16Z\r\n");
  std::string none;
  Limiter({}).append_fields(none, kStart, WallTime());
  EXPECT_EQ(none, "");
}

TEST(Timestamp, IsRfc3339) {
  struct Row {
    int64_t ms;
    std::string want;
  };
  for (const Row& row : {Row{0, "1970-01-01T00:00:00Z"}, Row{1'709'210'096'999, "2024-02-29T12:34:56Z"},
                         Row{4'102'444'799'000, "2099-12-31T23:59:59Z"}}) {
    std::string out;
    append_rfc3339(out, WallTime(std::chrono::milliseconds(row.ms)));
    EXPECT_EQ(out, row.want);
  }
}

}  // namespace
}  // namespace baton::sim
