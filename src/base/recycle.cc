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
  return std::exchange(kept.strings[--kept.count], {});
}

void give_string(std::string& text) {
  if (text.capacity() > sizeof(std::string) && text.capacity() <= kRoomKept && kept.count < kStringsKept) {
    text.clear();
    kept.strings[kept.count++] = std::exchange(text, {});
  } else {
    std::string().swap(text);
  }
}

}  // namespace baton
