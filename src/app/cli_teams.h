// The command line of `baton teams`, and of budgets wherever they are named. Thread: any; pure. Bounds: the shell's.
// Errors as parse_command_line().
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "app/cli.h"
#include "model/budget.h"

namespace baton::app {

// What --budget (each "50/day" or "500/month") and --reserve say. The reason why they cannot be, or empty.
std::string read_budget(const std::vector<std::string>& budgets, const std::optional<std::string>& reserve,
                        model::Budget& out);

std::expected<Command, std::string> parse_teams(std::vector<std::string> arguments);

}  // namespace baton::app
