// Signals: taken one by one by the main thread; no handler ever runs.
// SIGTERM, SIGINT and SIGQUIT: drain, the second time cut. SIGHUP: the access log is opened anew and the
// configuration read again.
#pragma once

#include <cstddef>
#include <optional>

#include "base/units.h"

namespace baton::app {

enum class Signal { kStop, kReload };

// Waits for at most `limit`; nothing when it passed.
std::optional<Signal> wait_for_signal(std::optional<Duration> limit);

// How many descriptors the process may have open.
size_t descriptors_max();

}  // namespace baton::app
