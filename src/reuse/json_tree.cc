#include "reuse/json_tree.h"

#include <limits>

namespace baton::reuse {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four digits at `at`; moves behind them. Negative when there are none.
int32_t take_unit(std::string_view text, size_t& at) {
  if (at + 4 > text.size()) return -1;
  int32_t unit = 0;
  for (size_t i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[at + i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  at += 4;
  return unit;
}

void append_code_point(std::string& out, uint32_t point) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

bool append_escape(std::string& out, std::string_view text, size_t& at) {
  const char c = text[at++];
  switch (c) {
    case '"':
    case '\\':
    case '/': out.push_back(c); return true;
    case 'b': out.push_back('\b'); return true;
    case 'f': out.push_back('\f'); return true;
    case 'n': out.push_back('\n'); return true;
    case 'r': out.push_back('\r'); return true;
    case 't': out.push_back('\t'); return true;
    case 'u': break;
    default: return false;
  }
  const int32_t unit = take_unit(text, at);
  if (unit < 0) return false;
  auto point = static_cast<uint32_t>(unit);
  if (unit >= 0xd800 && unit < 0xdc00 && text.substr(at, 2) == "\\u") {
    size_t behind = at + 2;
    const int32_t low = take_unit(text, behind);
    if (low >= 0xdc00 && low < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
      at = behind;
    }
  }
  append_code_point(out, point);
  return true;
}

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool ends_scalar(char c) { return c == ',' || c == ']' || c == '}' || is_blank(c); }

}  // namespace

bool append_unescaped(std::string& out, std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != '"' || quoted.back() != '"') return false;
  const std::string_view text = quoted.substr(1, quoted.size() - 2);
  for (size_t at = 0; at < text.size();) {
    const size_t escape = text.find('\\', at);
    out.append(text.substr(at, escape - at));
    if (escape == text.npos) break;
    at = escape + 1;
    if (at >= text.size() || !append_escape(out, text, at)) return false;
  }
  return true;
}

void JsonTree::skip_blanks(size_t& at) const {
  while (at < text_.size() && is_blank(text_[at])) ++at;
}

bool JsonTree::skip_string(size_t& at) const {
  if (at >= text_.size() || text_[at] != '"') return false;
  ++at;
  while (at < text_.size()) {
    const char c = text_[at];
    at += c == '\\' ? 2 : 1;
    if (c == '"') return true;
  }
  return false;
}

bool JsonTree::parse(std::string_view text) {
  text_ = text;
  nodes_.clear();
  if (text.size() > std::numeric_limits<uint32_t>::max() / 2) return false;
  struct Open {
    Node node;
    Node last = 0;
  };
  Open open[kJsonDepthMax];
  size_t depth = 0;
  size_t at = 0;
  while (true) {
    // A value, or the end of a container, or a key in front of a value.
    skip_blanks(at);
    if (at >= text.size()) return false;
    Value value;
    if (depth > 0) {
      const Kind inside = nodes_[open[depth - 1].node].kind;
      const char close = inside == Kind::kObject ? '}' : ']';
      if (text[at] == close) {
        nodes_[open[--depth].node].end = static_cast<uint32_t>(++at);
        if (depth == 0) break;
        skip_blanks(at);
        if (at < text.size() && text[at] == ',') ++at;
        continue;
      }
      if (inside == Kind::kObject) {
        value.key_begin = static_cast<uint32_t>(at);
        if (!skip_string(at)) return false;
        value.key_bytes = static_cast<uint32_t>(at) - value.key_begin;
        skip_blanks(at);
        if (at >= text.size() || text[at++] != ':') return false;
        skip_blanks(at);
        if (at >= text.size()) return false;
      }
    }
    value.begin = static_cast<uint32_t>(at);
    const char c = text[at];
    const bool container = c == '{' || c == '[';
    if (container) {
      value.kind = c == '{' ? Kind::kObject : Kind::kArray;
      ++at;
    } else if (c == '"') {
      value.kind = Kind::kString;
      if (!skip_string(at)) return false;
    } else {
      value.kind = c == 't' || c == 'f' ? Kind::kBool : c == 'n' ? Kind::kNull : Kind::kNumber;
      while (at < text.size() && !ends_scalar(text[at])) ++at;
      if (at == value.begin) return false;
    }
    value.end = static_cast<uint32_t>(at);
    const auto node = static_cast<Node>(nodes_.size());
    nodes_.push_back(value);
    if (depth > 0) {
      Open& parent = open[depth - 1];
      (parent.last == 0 ? nodes_[parent.node].first : nodes_[parent.last].next) = node;
      parent.last = node;
    }
    if (container) {
      if (depth == kJsonDepthMax) return false;
      open[depth++] = {node};
      continue;
    }
    if (depth == 0) break;
    skip_blanks(at);
    if (at < text.size() && text[at] == ',') ++at;
  }
  skip_blanks(at);
  return at == text.size();
}

std::optional<JsonTree::Node> JsonTree::find(Node object, std::string_view name) const {
  if (kind(object) != Kind::kObject) return std::nullopt;
  std::string plain;
  for (Node child = first(object); child != 0; child = next(child)) {
    const std::string_view written = key(child);
    if (written.substr(1, written.size() - 2) == name) return child;
    if (written.find('\\') == written.npos) continue;
    plain.clear();
    if (append_unescaped(plain, written) && plain == name) return child;
  }
  return std::nullopt;
}

std::optional<std::string> JsonTree::string(Node object, std::string_view name) const {
  const auto node = find(object, name);
  if (!node || kind(*node) != Kind::kString) return std::nullopt;
  std::string plain;
  if (!append_unescaped(plain, text(*node))) return std::nullopt;
  return plain;
}

}  // namespace baton::reuse
