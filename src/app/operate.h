// Operate: the commands that ask a running relay through its operator's port (`baton accounts`, `cache`, `tail`,
// `top`), and `baton audit`, which reads the log itself. Each returns the exit code: 0, 1 when it could not be done, 2
// when the configuration is wrong; the reason is one line on stderr.
#pragma once

#include <string>
#include <string_view>

#include "app/cli.h"

namespace baton::app {

int run_operate(const Operate& command);
int run_audit(const Audit& command);

// What people read; pure, from what the relay answered.
std::string accounts_table(std::string_view accounts_json);
std::string overview_lines(std::string_view overview_json);
std::string call_line(std::string_view call_json);
std::string call_story(std::string_view call_json);
std::string cache_lines(std::string_view cache_json);
std::string test_line(std::string_view test_json);

}  // namespace baton::app
