#include "base/utc.h"

#include <fmt/format.h>

namespace baton {

std::string utc_day(WallTime at) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(at));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string utc_text(WallTime at) {
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(at) -
                                    std::chrono::floor<std::chrono::days>(at));
  return utc_day(at) +
         fmt::format("T{:02}:{:02}:{:02}Z", clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace baton
