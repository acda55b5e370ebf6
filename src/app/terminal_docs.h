// The man page and the shells' completions, made from the words of help, so that they can say nothing else.
// Thread: any; pure. Bounds: the help's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace baton::app {

// What of a help text a shell can complete.
struct Completable {
  std::vector<std::string> verbs;    // "drain", of `baton accounts drain NAME`
  std::vector<std::string> options;  // "--json"
};
Completable completable(std::string_view command, std::string_view help);

// roff, for `man`.
std::string man_page();
// For "bash", "zsh" or "fish"; nothing for another shell.
std::optional<std::string> completions(std::string_view shell);

}  // namespace baton::app
