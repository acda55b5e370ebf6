// LastText: the last words of a Messages call, apart from all the rest of it. Only of calls that are nothing but text:
// no tools, images, documents, thinking, tool results, nor any field that is not listed here; what is unknown is not
// taken apart. Life: pure; views into the body. Thread: any. Bounds: those of JsonTree.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reuse/json_tree.h"

namespace baton::reuse {

struct LastText {
  std::string text;  // unescaped
  size_t begin = 0;  // where it is written in the body, quotes included
  size_t end = 0;
};

// `body`: one JSON object whose syntax has been checked. Of the last message, which must be the user's: its content, or
// the last of its text blocks.
std::optional<LastText> last_user_text(std::string_view body, JsonTree& tree);

// The body with these words left out: what another call must say just so.
std::string without(std::string_view body, const LastText& last);

// The text of an answer: a Message with nothing but text in it; nothing for any other.
std::optional<std::string> text_of_message(std::string_view message, JsonTree& tree);

}  // namespace baton::reuse
