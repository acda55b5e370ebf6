// `baton conformance`: the suite of conformance/ on a loop of its own, towards a gateway that somebody names.
// Life: one command. Thread: one; it waits. Bounds: conformance/config.h.
#pragma once

#include "app/cli.h"

namespace baton::app {

// 0 when no row failed, 1 when one did, 2 when the upstream's address cannot be bound or a file cannot be read.
int run_conformance(const Conformance& command);

}  // namespace baton::app
