#include "dialect/unmarked.h"

#include <algorithm>
#include <string>

#include "base/hash.h"

namespace baton::dialect {

uint64_t hash_unmarked(std::string_view text, uint64_t seed) {
  static constexpr std::string_view kMark = "\"cache_control\"";
  static constexpr std::string_view kBetween = ", \t\r\n";
  if (text.find(kMark) == text.npos) return hash64(text, seed);
  std::string unmarked;
  unmarked.reserve(text.size());
  for (size_t mark = text.find(kMark); mark != text.npos; mark = text.find(kMark)) {
    const std::string_view before = text.substr(0, mark);
    unmarked.append(before.substr(0, before.find_last_not_of(kBetween) + 1));
    const size_t value = text.find_first_not_of(": \t\r\n", mark + kMark.size());
    if (value == text.npos) return hash64(unmarked, seed);
    const bool object = text[value] == '{';
    const size_t end = text.find_first_of(object ? "}" : ",}", value);
    if (end == text.npos) return hash64(unmarked, seed);
    text.remove_prefix(object ? end + 1 : end);
    if (unmarked.ends_with('{')) text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
  }
  return hash64(unmarked.append(text), seed);
}

}  // namespace baton::dialect
