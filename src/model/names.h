// Lists of names as an operator writes them in rules: each a whole name, or a beginning with a '*' behind.
// Pure. Thread: any.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace baton::model {

inline bool fits(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

// An empty list means any name.
inline bool any_fits(const std::vector<std::string>& patterns, std::string_view name) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const auto& pattern) { return fits(pattern, name); });
}

}  // namespace baton::model
