#include "reuse/json_tree.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
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

char* write_code_point(char* out, uint32_t point) {
  const auto put = [&out](uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
    return out;
  }
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
  return out;
}

// What stands for itself or one character behind a backslash; 0 for all else.
constexpr std::array<char, 256> kAfterBackslash = [] {
  std::array<char, 256> table{};
  constexpr std::string_view kWritten = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  for (size_t i = 0; i < kWritten.size(); ++i) table[static_cast<uint8_t>(kWritten[i])] = kMeant[i];
  return table;
}();

// What stands behind a backslash at `at`; moves behind it.
char* write_escape(char* out, std::string_view text, size_t& at) {
  const char c = text[at++];
  *out = kAfterBackslash[static_cast<uint8_t>(c)];
  if (*out != 0) return out + 1;
  if (c != 'u') return nullptr;
  const int32_t unit = take_unit(text, at);
  if (unit < 0) return nullptr;
  auto point = static_cast<uint32_t>(unit);
  if (unit >= 0xd800 && unit < 0xdc00 && text.substr(at, 2) == "\\u") {
    size_t behind = at + 2;
    const int32_t low = take_unit(text, behind);
    if (low >= 0xdc00 && low < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
      at = behind;
    }
  }
  return write_code_point(out, point);
}

// Sixteen bytes are looked at at a time where the processor can.
#if defined(__SSE2__)
unsigned matches(__m128i block, char wanted) {
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(wanted))));
}
#endif

// Behind the quote that ends the string in which `at` is; text.size() + 1 where there is none.
size_t string_end(std::string_view text, size_t at, bool& escaped) {
#if defined(__SSE2__)
  while (at + 64 <= text.size()) {
    uint64_t quotes = 0, slashes = 0;
    for (unsigned i = 0; i < 64; i += 16) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at + i));
      quotes |= uint64_t{matches(block, '"')} << i;
      slashes |= uint64_t{matches(block, '\\')} << i;
    }
    size_t next = at + 64;
    // Up to the first quote that no backslash stands in front of; what stands behind one is passed over.
    while (slashes != 0) {
      const uint64_t slash = slashes & (~slashes + 1);
      if ((quotes & (slash - 1)) != 0) break;
      escaped = true;
      const uint64_t behind = slash << 1;
      if (behind == 0) ++next;
      quotes &= ~behind;
      slashes &= ~(slash | behind);
    }
    if (quotes != 0) return at + static_cast<size_t>(std::countr_zero(quotes)) + 1;
    at = next;
  }
#endif
  for (; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] != '\\') continue;
    escaped = true;
    ++at;
  }
  return text.size() + 1;
}

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool ends_scalar(char c) { return c == ',' || c == ']' || c == '}' || is_blank(c); }

}  // namespace

char* write_unescaped(char* out, std::string_view inside) {
  for (size_t at = 0; at < inside.size();) {
#if defined(__SSE2__)
    if (at + 16 <= inside.size()) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(inside.data() + at));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
      const unsigned found = matches(block, '\\');
      const size_t plain = found == 0 ? 16 : static_cast<size_t>(std::countr_zero(found));
      at += plain;
      out += plain;
      if (found == 0) continue;
    }
#endif
    if (inside[at] != '\\') {
      *out++ = inside[at++];
      continue;
    }
    if (++at == inside.size()) return nullptr;
    out = write_escape(out, inside, at);
    if (out == nullptr) return nullptr;
  }
  return out;
}

bool append_unescaped(std::string& out, std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != '"' || quoted.back() != '"') return false;
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == inside.npos) {
    out.append(inside);
    return true;
  }
  const size_t before = out.size();
  out.resize(before + inside.size() + kUnescapeRoom);
  const char* end = write_unescaped(out.data() + before, inside);
  out.resize(end != nullptr ? static_cast<size_t>(end - out.data()) : before);
  return end != nullptr;
}

void JsonTree::skip_blanks(size_t& at) const {
  while (at < text_.size() && is_blank(text_[at])) ++at;
}

bool JsonTree::skip_string(size_t& at, bool& escaped) const {
  if (at >= text_.size() || text_[at] != '"') return false;
  at = string_end(text_, at + 1, escaped);
  return at <= text_.size();
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
        if (!skip_string(at, value.key_escaped)) return false;
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
      if (!skip_string(at, value.escaped)) return false;
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
    if (!key_escaped(child)) continue;
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
