// The command line of `baton conformance`. Thread: any; pure. Bounds: the shell's. Errors as parse_command_line().
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "app/cli.h"

namespace baton::app {

std::expected<Command, std::string> parse_conformance(std::vector<std::string> arguments);

}  // namespace baton::app
