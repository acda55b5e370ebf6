// Account gauges: how each account stands and what is left of its limits, as Prometheus text that follows the page of
// RelayMetrics (the metrics know no accounts but by name).
// Thread: any. Bounds: accounts x (1 + classes of limits that are known x 7) lines.
#pragma once

#include <string>

#include "accounts/pool.h"

namespace baton::admin {

std::string account_gauges(const accounts::AccountPool& pool, Instant now);

}  // namespace baton::admin
