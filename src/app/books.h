// Books: the commands that look into what a relay keeps: `baton keys` and `baton usage`. They need no running relay and
// disturb none. Each returns the exit code: 0, 1 when it could not be done, 2 when the configuration is wrong; the
// reason is one line on stderr.
#pragma once

#include "app/cli.h"

namespace baton::app {

int run_keys(const Keys& command);
int run_usage(const Usage& command);

}  // namespace baton::app
