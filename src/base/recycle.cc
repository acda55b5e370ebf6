#include "base/recycle.h"

#include <array>
#include <utility>

namespace baton {

namespace {
struct Kept {
  std::array<std::string, kStringsKept> strings;
  size_t count = 0;
};
thread_local Kept kept;
}  // namespace

std::string take_string() {
  if (kept.count == 0) return {};
  return std::move(kept.strings[--kept.count]);
}

void keep_string(std::string& text) {
  if (text.capacity() <= kRoomKept && kept.count < kStringsKept) {
    text.clear();
    kept.strings[kept.count++].swap(text);  // with one that was moved from, and is empty
  } else {
    std::string().swap(text);
  }
}

}  // namespace baton
