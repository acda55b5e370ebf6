// The command lines of what asks a running relay: `baton accounts`, `cache`, `tail`, `top`, `audit`; and of
// `completions`. Thread: any; pure. Bounds: the shell's. Errors as parse_command_line().
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "app/cli.h"

namespace baton::app {

std::expected<Command, std::string> parse_accounts(std::vector<std::string> arguments);
std::expected<Command, std::string> parse_cache(std::vector<std::string> arguments);
std::expected<Command, std::string> parse_tail(std::vector<std::string> arguments);
std::expected<Command, std::string> parse_top(const std::vector<std::string>& arguments);
std::expected<Command, std::string> parse_audit(std::vector<std::string> arguments);
std::expected<Command, std::string> parse_completions(const std::vector<std::string>& arguments);

}  // namespace baton::app
