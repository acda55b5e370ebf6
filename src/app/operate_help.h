// The words of help of the commands that ask a running relay, for help_text().
#pragma once

#include <string_view>

namespace baton::app {

// Empty for another command.
std::string_view operate_help(std::string_view command);

}  // namespace baton::app
