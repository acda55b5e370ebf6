// The calendar's texts of a time, in UTC.
// Thread: any; pure.
#pragma once

#include <string>

#include "base/units.h"

namespace baton {

// "2026-11-25T00:00:00Z": the second that has begun (RFC 3339).
std::string utc_text(WallTime at);
// "2026-11-25".
std::string utc_day(WallTime at);

}  // namespace baton
