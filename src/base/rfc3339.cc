#include "base/rfc3339.h"

#include <algorithm>

#include "base/ascii.h"

namespace baton {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Two-digit numbers and the like from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}
  int number(size_t digits, int max) {
    int value = 0;
    if (left_.size() < digits) return fail();
    for (size_t i = 0; i < digits; ++i) {
      if (!is_digit(left_[i])) return fail();
      value = value * 10 + (left_[i] - '0');
    }
    left_.remove_prefix(digits);
    return value <= max ? value : fail();
  }
  void expect(char lower) {
    if (left_.empty() || ascii::lower(left_.front()) != lower) {
      fail();
    } else {
      left_.remove_prefix(1);
    }
  }
  bool next_is(char c) const { return !left_.empty() && left_.front() == c; }
  // Of a second, behind its dot.
  int milliseconds() {
    const size_t digits = static_cast<size_t>(std::ranges::find_if_not(left_, is_digit) - left_.begin());
    if (digits == 0) return fail();
    int value = 0;
    for (size_t i = 0; i < 3; ++i) value = value * 10 + (i < digits ? left_[i] - '0' : 0);
    left_.remove_prefix(digits);
    return value;
  }
  bool done() const { return good_ && left_.empty(); }

 private:
  int fail() {
    good_ = false;
    return 0;
  }
  std::string_view left_;
  bool good_ = true;
};

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Reader read(text);
  const int year = read.number(4, 9999);
  read.expect('-');
  const int month = read.number(2, 12);
  read.expect('-');
  const int day = read.number(2, 31);
  read.expect('t');
  const int hour = read.number(2, 23);
  read.expect(':');
  const int minute = read.number(2, 59);
  read.expect(':');
  const int second = read.number(2, 59);
  int fraction = 0;
  if (read.next_is('.')) {
    read.expect('.');
    fraction = read.milliseconds();
  }
  std::chrono::minutes offset{0};
  if (read.next_is('+') || read.next_is('-')) {
    const bool east = read.next_is('+');
    read.expect(east ? '+' : '-');
    const int hours = read.number(2, 23);
    read.expect(':');
    offset = std::chrono::minutes(hours * 60 + read.number(2, 59)) * (east ? 1 : -1);
  } else {
    read.expect('z');
  }
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!read.done() || !date.ok()) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) - offset +
         std::chrono::seconds(second) + std::chrono::milliseconds(fraction);
}

}  // namespace baton
