// JsonTree: a JSON text as a flat list of its values, for reading what lies deep in it. Nothing is copied: values are
// spans of the text. Use it only on texts whose syntax has been checked (http::JsonScanner); what it cannot follow it
// refuses, but it does not prove. Life: keeps its room between texts. Thread: one at a time. Bounds: kJsonDepthMax; 24
// bytes a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace baton::reuse {

inline constexpr size_t kJsonDepthMax = 128;

class JsonTree {
 public:
  using Node = uint32_t;  // 0 is the root, and also "none" where a child or sibling is meant
  enum class Kind : uint8_t { kObject, kArray, kString, kNumber, kBool, kNull };

  // False when the text is not one JSON value as far as can be seen.
  bool parse(std::string_view text);

  Kind kind(Node node) const { return nodes_[node].kind; }
  // The value as it is written, quotes and brackets included.
  std::string_view text(Node node) const {
    return text_.substr(nodes_[node].begin, nodes_[node].end - nodes_[node].begin);
  }
  // Of a member: its key as it is written, quotes included; empty for elements.
  std::string_view key(Node node) const { return text_.substr(nodes_[node].key_begin, nodes_[node].key_bytes); }
  // Whether a key or a string holds a backslash; where it does not, what stands between its quotes is its value.
  bool key_escaped(Node node) const { return nodes_[node].key_escaped; }
  bool escaped(Node node) const { return nodes_[node].escaped; }
  // 0 when there is none.
  Node first(Node node) const { return nodes_[node].first; }
  Node next(Node node) const { return nodes_[node].next; }

  // The member with this key (plain ASCII without escapes, which finds escaped spellings too), or nothing.
  std::optional<Node> find(Node object, std::string_view name) const;
  // The unescaped value of a string member; nothing when it is absent or no string.
  std::optional<std::string> string(Node object, std::string_view name) const;

 private:
  struct Value {
    uint32_t begin = 0, end = 0;
    uint32_t key_begin = 0, key_bytes = 0;
    Node first = 0, next = 0;
    Kind kind = Kind::kNull;
    bool escaped = false;
    bool key_escaped = false;
  };
  bool skip_string(size_t& at, bool& escaped) const;
  void skip_blanks(size_t& at) const;

  std::string_view text_;
  std::vector<Value> nodes_;
};

// Appends the unescaped content of a string as it is written (quotes included). Lone surrogates stay as three bytes
// each, so that different strings never become equal. False when it is not one string.
bool append_unescaped(std::string& out, std::string_view quoted);
// The same of what stands between the quotes, to where there is room for inside.size() + kUnescapeRoom bytes. Gives
// the end of what was written, or nullptr.
inline constexpr size_t kUnescapeRoom = 16;
char* write_unescaped(char* out, std::string_view inside);

}  // namespace baton::reuse
