// serve(), simulate(): the two programs that listen. Each makes its parts, runs until a signal, drains and returns the
// exit code.
#pragma once

#include <string>

#include "config/settings.h"

namespace baton::app {

// 0 after a clean drain, 1 when the drain limit cut calls, 2 when it could not start (one line on stderr says why).
struct ServeOptions {
  config::LoadOptions load;  // how the settings were read, for a reload
  bool take_over = false;    // from the relay that serves from the same data folder, if one does
};
int serve(config::Settings settings, ServeOptions options);

// The simulator alone.
int simulate(config::Settings settings);

// What holds for the whole process, before any thread: signals are waited for rather than handled, no core is left
// behind, no other program can be started, as many descriptors as are allowed, how the heap keeps large blocks.
void prepare_process();

}  // namespace baton::app
