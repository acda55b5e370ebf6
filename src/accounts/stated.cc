#include "accounts/stated.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/ascii.h"

namespace baton::accounts {

namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::sys_days;

constexpr double kRounding = 500;  // tokens are stated in thousands

std::optional<double> number(std::string_view text) {
  constexpr size_t kExactDigits = 15;
  if (text.size() <= kExactDigits) {
    if (const auto whole = ascii::decimal(text)) return static_cast<double>(*whole);
  }
  if (text.empty() || text.size() > 24 || text.find_first_not_of("0123456789.") != std::string_view::npos)
    return std::nullopt;
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return std::nullopt;
  auto value = ascii::decimal(text.substr(at, count));
  return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
}

std::optional<Duration> wait_of(double wait_seconds) {
  if (!(wait_seconds > 0) || wait_seconds > seconds(kWaitMax)) return std::nullopt;
  return Duration{static_cast<int64_t>(wait_seconds * 1e9)};
}

std::optional<WallTime> time_of(int year, int month, int day, std::string_view clock) {
  auto hour = digits(clock, 0, 2), minute = digits(clock, 3, 2), second = digits(clock, 6, 2);
  if (!hour || !minute || !second || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

// "Sun, 06 Nov 1994 08:49:37 GMT"; the two obsolete forms are not sent by anybody who matters.
std::optional<WallTime> read_http_date(std::string_view text) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || !text.ends_with(" GMT") || text.substr(3, 2) != ", ") return std::nullopt;
  const size_t month = kMonths.find(text.substr(8, 3));
  auto day = digits(text, 5, 2), year = digits(text, 12, 4);
  if (month == std::string_view::npos || month % 3 != 0 || !day || !year) return std::nullopt;
  return time_of(*year, static_cast<int>(month / 3) + 1, *day, text.substr(17, 8));
}

}  // namespace

std::optional<Duration> read_retry_after(std::string_view value, WallTime now) {
  if (auto count = number(value)) return wait_of(*count);
  if (auto date = read_http_date(value)) return wait_of(std::chrono::duration<double>(*date - now).count());
  return std::nullopt;
}

std::optional<Duration> read_retry_after_ms(std::string_view value) {
  auto count = number(value);
  return count ? wait_of(*count / 1000) : std::nullopt;
}

std::optional<WallTime> read_time(std::string_view value) {
  if (auto count = ascii::decimal(value)) {
    if (*count > 10'000'000'000) return std::nullopt;
    return WallTime(std::chrono::seconds(*count));
  }
  auto year = digits(value, 0, 4), month = digits(value, 5, 2), day = digits(value, 8, 2);
  if (value.size() < 20 || !year || !month || !day || value[4] != '-' || value[7] != '-' ||
      ascii::lower(value[10]) != 't') {
    return std::nullopt;
  }
  auto time = time_of(*year, *month, *day, value.substr(11));
  if (!time) return std::nullopt;
  std::string_view rest = value.substr(19);
  if (rest.starts_with('.')) {
    const size_t end = rest.find_first_not_of("0123456789", 1);
    if (end == std::string_view::npos || end == 1) return std::nullopt;
    int scale = 100, fraction = 0;
    for (size_t i = 1; i < end; ++i, scale /= 10) fraction += (rest[i] - '0') * scale;
    *time += milliseconds(fraction);
    rest.remove_prefix(end);
  }
  if (rest == "Z" || rest == "z") return time;
  auto hours = digits(rest, 1, 2), minutes = digits(rest, 4, 2);
  if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' || !hours || !minutes)
    return std::nullopt;
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return rest[0] == '+' ? *time - offset : *time + offset;
}

WallTime next_month(WallTime now) {
  const std::chrono::year_month_day today{std::chrono::floor<days>(now)};
  return sys_days((today.year() / today.month() + std::chrono::months(1)) / std::chrono::day(1));
}

namespace {

constexpr std::string_view kPrefix = "anthropic-ratelimit-";
constexpr std::array<std::string_view, 3> kMeters{"requests", "input-tokens", "output-tokens"};

// A moment is stated again by every answer until it has come: what was read last is kept for the thread.
std::optional<WallTime> read_time_again(std::string_view value) {
  struct Last {
    std::string text;
    std::optional<WallTime> time;
  };
  thread_local Last last;
  constexpr size_t kTextBytesMax = 64;
  if (value.size() > kTextBytesMax) return read_time(value);
  if (last.text != value) last = {std::string(value), read_time(value)};
  return last.time;
}

// What is stated of one meter or window.
struct Window {
  std::string_view name;
  bool empty = false;
  std::optional<Duration> reset;
};

// Takes "<limit|remaining|reset|status>" of a window.
void take_fact(std::string_view what, std::string_view value, WallTime now, Window& window, StatedLimits& limits) {
  using ascii::equal_ignoring_case;
  if (equal_ignoring_case(what, "reset")) {
    if (const auto time = read_time_again(value))
      window.reset = wait_of(std::chrono::duration<double>(*time - now).count());
    return;
  }
  if (equal_ignoring_case(what, "status")) window.empty = value == "rejected";
  const auto figure = number(value);
  if (!figure) return;
  const bool remaining = equal_ignoring_case(what, "remaining");
  if (remaining && *figure == 0) window.empty = true;
  for (size_t i = 0; i < kMeters.size(); ++i) {
    if (!equal_ignoring_case(window.name, kMeters[i])) continue;
    if (remaining) limits.meters[i].remaining = *figure;
    if (equal_ignoring_case(what, "limit")) limits.meters[i].limit = *figure;
    if (i > 0) limits.meters[i].rounding = kRounding;
  }
}

}  // namespace

Stated read_stated(const http::ResponseHead& head, WallTime now) {
  Stated stated;
  std::optional<Duration> in_ms;
  std::array<Window, 16> windows;
  size_t count = 0;
  for (const http::Field& field : head.fields) {
    if (field.id == http::FieldId::kOther) {
      if (ascii::equal_ignoring_case(field.name, "retry-after-ms")) in_ms = read_retry_after_ms(field.value);
      continue;
    }
    if (field.id == http::FieldId::kRetryAfter) stated.retry_after = read_retry_after(field.value, now);
    if (field.id != http::FieldId::kAnthropicLimit || !ascii::starts_with_ignoring_case(field.name, kPrefix)) continue;
    stated.any_limit_field = true;
    const size_t dash = field.name.rfind('-');
    if (dash < kPrefix.size()) continue;
    const std::string_view name = field.name.substr(kPrefix.size(), dash - kPrefix.size());
    // What is said of one window mostly stands together.
    size_t at = count > 0 && windows[count - 1].name == name ? count - 1 : 0;
    while (at < count && !ascii::equal_ignoring_case(windows[at].name, name)) ++at;
    if (at == windows.size()) continue;
    if (at == count) windows[count++].name = name;
    take_fact(field.name.substr(dash + 1), field.value, now, windows[at], stated.limits);
  }
  if (in_ms) stated.retry_after = in_ms;
  for (size_t i = 0; i < count; ++i) {
    if (windows[i].empty && windows[i].reset)
      stated.reset = std::max(stated.reset.value_or(Duration{0}), *windows[i].reset);
  }
  return stated;
}

}  // namespace baton::accounts
