// probe_rounds(): measures the network's time to every endpoint of accounts that have several, in rounds, for all
// loops: what it finds goes to the pool. The configuration may change between rounds. Accounts behind a proxy are left
// out, since nothing but the proxy could be measured. Thread: one loop. Bounds: one probe at a time, each within its
// own timeout; a round begins ProbeConfig.interval after the last one's end, a fifth more or less.
#pragma once

#include <functional>
#include <memory>

#include "app/revision.h"
#include "net/prober.h"
#include "runtime/cancel.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::app {

// Runs until it is cancelled. `current` gives the configuration in force.
runtime::Task<void> probe_rounds(runtime::Loop& loop, runtime::Random& random, net::Prober& prober,
                                 std::function<std::shared_ptr<Revision>()> current, runtime::Cancellation& cancel);

// One round.
runtime::Task<void> probe_round(runtime::Loop& loop, net::Prober& prober, Revision& revision,
                                runtime::Cancellation& cancel);

}  // namespace baton::app
