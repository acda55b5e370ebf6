// Recycled strings: text that every request needs for a moment (heads, small replies) keeps its room from one request
// to the next. Life: per thread. Thread: the one that took it gives it back; a string that is not given back is simply
// freed. Bounds: kStringsKept strings of at most kRoomKept bytes a thread.
#pragma once

#include <string>

namespace baton {

inline constexpr size_t kStringsKept = 64;
inline constexpr size_t kRoomKept = 16 * 1024;

// Empty, with whatever room it had.
std::string take_string();
// Takes the room over, of one that has any; `text` is left empty.
void keep_string(std::string& text);
inline void give_string(std::string& text) {
  if (text.capacity() > std::string().capacity()) {
    keep_string(text);
  } else {
    text.clear();
  }
}

}  // namespace baton
