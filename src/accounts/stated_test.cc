#include "accounts/stated.h"

#include <gtest/gtest.h>

#include <string>

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 10h;

TEST(RetryAfter, seconds_dates_and_nonsense) {
  struct Row {
    const char* value;
    std::optional<Duration> want;
  };
  const Row rows[] = {
      {"7", 7s},
      {"0.5", 500ms},
      {"259200", 72h},  // three days, if it says so
      {"Tue, 24 Nov 2026 10:00:30 GMT", 30s},
      {"Tue, 24 Nov 2026 09:59:30 GMT", std::nullopt},  // has passed
      {"0", std::nullopt},
      {"-5", std::nullopt},
      {"1000000000000", std::nullopt},
      {"soon", std::nullopt},
      {"", std::nullopt},
      {"1e3", std::nullopt},
      {"Tue, 24 Foo 2026 10:00:30 GMT", std::nullopt},
      {"Tue, 44 Nov 2026 10:00:30 GMT", std::nullopt},
      {"1.2.3", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(read_retry_after(row.value, kNow), row.want) << row.value;
  EXPECT_EQ(read_retry_after_ms("1500"), Duration(1500ms));
  EXPECT_EQ(read_retry_after_ms("0"), std::nullopt);
}

TEST(Time, as_rfc_3339_and_as_digits) {
  struct Row {
    const char* value;
    std::optional<WallTime> want;
  };
  const Row rows[] = {{"2026-11-24T10:00:30Z", kNow + 30s},      {"2026-11-24T10:00:30.250Z", kNow + 30s + 250ms},
                      {"2026-11-24T12:00:30+02:00", kNow + 30s}, {"1795514400", kNow},
                      {"2026-13-24T10:00:30Z", std::nullopt},    {"2026-11-24", std::nullopt},
                      {"2026-11-24T10:00:30", std::nullopt},     {"", std::nullopt}};
  for (const Row& row : rows) EXPECT_EQ(read_time(row.value), row.want) << row.value;
}

TEST(Time, the_next_month_begins_at_midnight_utc) {
  EXPECT_EQ(next_month(kNow), WallTime(std::chrono::sys_days(std::chrono::year(2026) / 12 / 1)));
  EXPECT_EQ(next_month(kNow + std::chrono::days(20)), WallTime(std::chrono::sys_days(std::chrono::year(2027) / 1 / 1)));
}

Stated stated(std::string fields) {
  const std::string text = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n" + fields + "\r\n";
  http::ResponseHead head;
  http::HeadError error;
  size_t scanned = 0;
  EXPECT_EQ(http::parse_response(text, scanned, {}, false, head, error), http::ParseStatus::kDone);
  return read_stated(head, kNow);
}

TEST(Stated, meters_are_read_and_other_windows_only_for_their_reset) {
  auto got = stated(
      "anthropic-ratelimit-requests-limit: 60\r\nanthropic-ratelimit-requests-remaining: 59\r\n"
      "anthropic-ratelimit-requests-reset: 2026-11-24T10:00:01Z\r\n"
      "anthropic-ratelimit-input-tokens-limit: 50000\r\nanthropic-ratelimit-input-tokens-remaining: 0\r\n"
      "anthropic-ratelimit-input-tokens-reset: 2026-11-24T10:01:00Z\r\nretry-after: 4\r\n");
  EXPECT_EQ(got.limits.meters[0].limit, 60);
  EXPECT_EQ(got.limits.meters[0].remaining, 59);
  EXPECT_EQ(got.limits.meters[1].limit, 50000);
  EXPECT_EQ(got.limits.meters[2].limit, 0);
  EXPECT_EQ(got.retry_after, Duration(4s));
  EXPECT_EQ(got.reset, Duration(60s));
  EXPECT_TRUE(got.any_limit_field);
  auto spent = stated(
      "anthropic-ratelimit-unified-7d-status: rejected\r\nanthropic-ratelimit-unified-7d-reset: 1795773600\r\n"
      "anthropic-ratelimit-unified-5h-status: allowed\r\nanthropic-ratelimit-unified-5h-reset: 1796000000\r\n");
  EXPECT_EQ(spent.reset, Duration(72h));
  EXPECT_FALSE(spent.limits.any());
  EXPECT_FALSE(stated("x: y\r\n").any_limit_field);
  EXPECT_EQ(stated("retry-after: 9\r\nretry-after-ms: 1500\r\n").retry_after, Duration(1500ms));
}

}  // namespace
}  // namespace baton::accounts
