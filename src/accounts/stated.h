// Stated: what the head of an upstream's answer says of limits and of when to come again.
// Thread: any; pure, the wall clock is an argument. Bounds: kWaitMax. Source: RFC 9110 10.2.3 and 5.6.7; the vendor's
// rate limits page and SDKs (read 2026-11): retry-after-ms before retry-after;
// anthropic-ratelimit-<meter>-<limit|remaining|reset>, resets in RFC 3339.
#pragma once

#include <optional>
#include <string_view>

#include "accounts/allowance.h"
#include "base/units.h"
#include "http/http1.h"

namespace baton::accounts {

// A longer wait than this is taken for an error in writing.
inline constexpr Duration kWaitMax = std::chrono::hours(31 * 24);

struct Stated {
  std::optional<Duration> retry_after;  // positive
  StatedLimits limits;
  std::optional<Duration> reset;  // of the meters and windows that have nothing left: the longest
  bool any_limit_field = false;
};

Stated read_stated(const http::ResponseHead& head, WallTime now);

// Seconds (a fraction too), or an HTTP date. Nothing for what is neither, not in the future, or beyond kWaitMax.
std::optional<Duration> read_retry_after(std::string_view value, WallTime now);
std::optional<Duration> read_retry_after_ms(std::string_view value);
// "2026-11-24T10:00:00Z", with fractions or another offset too. Seconds since 1970 as digits are taken as well.
std::optional<WallTime> read_time(std::string_view value);
// The first moment of the next month, UTC.
WallTime next_month(WallTime now);

}  // namespace baton::accounts
