// Yaml: a configuration file as a plain tree, each value with its line and whether it was quoted. The only place that
// calls yaml-cpp. A file is refused when it could mean something else to another reader or cost more than it says:
// duplicate keys, anchors, aliases, tags, a second document, a byte order mark, control characters, keys that are no
// text, too deep, too large. Life: values. Thread: any. Bounds: kFileBytesMax, kDepthMax. Source: YAML 1.2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "config/problem.h"

namespace baton::config {

inline constexpr size_t kFileBytesMax = 1 * kMiB;
inline constexpr int kDepthMax = 16;

struct Node {
  enum class Kind { kNull, kText, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 1;
  std::string key;          // when it is a field of a map
  bool quoted = false;      // kText: in quotes or a block scalar
  std::string text;         // kText
  std::vector<Node> items;  // kList; kMap: its fields in the file's order, keys distinct

  // The value of a map's field, or nullptr.
  const Node* find(std::string_view field) const;
};

// The file's single document, which must be a map; an empty file is an empty map. Throws Problem.
Node parse_yaml(std::string_view text, const std::string& file);

}  // namespace baton::config
