// `baton teams`: what teams may spend and have spent. Needs no running relay, and one that runs notices within a
// second. Gives the exit code: 0, 1 when it could not be done, 2 when the configuration is wrong; the reason is one
// line on stderr.
#pragma once

#include "app/cli.h"

namespace baton::app {

int run_teams(const Teams& command);

}  // namespace baton::app
