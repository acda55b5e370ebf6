#include "sim/timestamp.h"

namespace baton::sim {

void append_rfc3339(std::string& out, WallTime at) {
  auto second = std::chrono::floor<std::chrono::seconds>(at);
  auto day = std::chrono::floor<std::chrono::days>(second);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss time(second - day);
  auto digits = [&](int64_t value, int width) {
    for (int64_t power = width == 4 ? 1000 : 10; power > 0; power /= 10)
      out.push_back(static_cast<char>('0' + value / power % 10));
  };
  digits(static_cast<int>(date.year()), 4);
  out += '-';
  digits(static_cast<unsigned>(date.month()), 2);
  out += '-';
  digits(static_cast<unsigned>(date.day()), 2);
  out += 'T';
  digits(time.hours().count(), 2);
  out += ':';
  digits(time.minutes().count(), 2);
  out += ':';
  digits(time.seconds().count(), 2);
  out += 'Z';
}

}  // namespace baton::sim
