// RFC 3339 times, read strictly: upper or lower case T and Z, any offset, a fraction of any length; no leap second, no
// blank instead of the T, no date that is none. Thread: any; pure, no allocation. Bounds: years 0 to 9999.
#pragma once

#include <optional>
#include <string_view>

#include "base/units.h"

namespace baton {

// Nothing when it is not one. Fractions beyond milliseconds are cut.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace baton
