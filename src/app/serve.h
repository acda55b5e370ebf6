// serve(), simulate(): the two programs that listen. Each makes its parts, runs until a signal, drains and returns the exit code.
#pragma once

#include <string>

#include "config/settings.h"

namespace baton::app {

// 0 after a clean drain, 1 when the drain limit cut calls, 2 when it could not start (one line on stderr says why).
int serve(config::Settings settings);

// The simulator alone.
int simulate(config::Settings settings);

// Blocks the signals that wait_for_signal() waits for, in this thread and those it starts. Call before any thread.
void block_signals();

}  // namespace baton::app
