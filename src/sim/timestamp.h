// Timestamps as the API writes them.
// Thread: any; pure. Source: RFC 3339.
#pragma once

#include <string>

#include "base/units.h"

namespace baton::sim {

// "2026-11-24T09:30:00Z"
void append_rfc3339(std::string& out, WallTime at);

}  // namespace baton::sim
