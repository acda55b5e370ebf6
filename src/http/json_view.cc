#include "http/json_view.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "http/detail/json_bytes.h"

namespace baton::http {

namespace {

bool blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

const char* skip_blanks(const char* p, const char* end) {
  while (p != end && blank(*p)) ++p;
  return p;
}

std::string_view skip_blanks(std::string_view text) {
  const char* const end = text.data() + text.size();
  return {skip_blanks(text.data(), end), end};
}

// Behind the closing quote of the string that begins at `p`; `end` when it is not closed. Only quotes are looked for:
// of a long text most is passed over quickly, and the escapes in it are not.
const char* skip_string(const char* p, const char* end) {
  const char* const begin = p + 1;
  for (p = begin; p != end; ++p) {
    p = static_cast<const char*>(std::memchr(p, '"', static_cast<size_t>(end - p)));
    if (p == nullptr) return end;
    const char* slashes = p;
    while (slashes != begin && slashes[-1] == '\\') --slashes;
    if ((p - slashes) % 2 == 0) return p + 1;
  }
  return end;
}

// Behind the object or array that begins at `p`; `end` when it is not closed.
const char* skip_container(const char* p, const char* end) {
  size_t depth = 0;
  while ((p = detail::find_mark(p, end)) != end) {
    const char c = *p;
    if (c == '"') {
      p = skip_string(p, end);
      continue;
    }
    ++p;
    if (c == '{' || c == '[') {
      ++depth;
    } else if (--depth == 0) {
      break;
    }
  }
  return p;
}

// Behind the value that begins at `p`, which is not `end`.
const char* skip_value(const char* p, const char* end) {
  if (*p == '"') return skip_string(p, end);
  if (*p == '{' || *p == '[') return skip_container(p, end);
  while (p != end && *p != ',' && *p != '}' && *p != ']' && !blank(*p)) ++p;
  return p;
}

// Steps over the separator in front of the next member or element; false at the end.
bool enter(std::string_view& rest, char open, char close) {
  rest = skip_blanks(rest);
  if (rest.empty() || rest.front() == close) return false;
  if (rest.front() != open && rest.front() != ',') return false;
  rest = skip_blanks(rest.substr(1));
  return !rest.empty() && rest.front() != close;
}

}  // namespace

JsonType json_type(std::string_view value) {
  if (value.empty()) return JsonType::kNull;
  switch (value.front()) {
    case '{': return JsonType::kObject;
    case '[': return JsonType::kArray;
    case '"': return JsonType::kString;
    case 't':
    case 'f': return JsonType::kBool;
    case 'n': return JsonType::kNull;
    default: return JsonType::kNumber;
  }
}

size_t json_extent(std::string_view text) {
  if (text.empty()) return 0;
  return static_cast<size_t>(skip_value(text.data(), text.data() + text.size()) - text.data());
}

bool JsonMembers::next() {
  const char* const end = rest_.data() + rest_.size();
  const char* p = skip_blanks(rest_.data(), end);
  rest_ = {p, end};
  if (p == end || *p != (begun_ ? ',' : '{')) return false;
  p = skip_blanks(p + 1, end);
  rest_ = {p, end};
  if (!std::exchange(begun_, true) && p != end && *p == '}') return false;
  broken_ = true;  // until the member is whole
  if (p == end || *p != '"') return false;
  bool escaped = false;
  const char* const close = detail::string_close(p + 1, end, escaped);
  if (close == end) return false;
  key = {p + 1, close};
  p = skip_blanks(close + 1, end);
  if (p == end || *p != ':') return false;
  p = skip_blanks(p + 1, end);
  if (p == end) return false;
  const char* const value_end = skip_value(p, end);
  if (value_end == p) return false;
  value = {p, value_end};
  rest_ = {value_end, end};
  broken_ = false;
  return true;
}

bool JsonMembers::ended() const {
  const std::string_view rest = skip_blanks(rest_);
  return begun_ && !broken_ && rest.starts_with('}') && skip_blanks(rest.substr(1)).empty();
}

bool JsonElements::next() {
  if (!enter(rest_, '[', ']')) return false;
  size_t end = json_extent(rest_);
  if (end == 0) return false;
  value = rest_.substr(0, end);
  rest_.remove_prefix(end);
  return true;
}

std::string_view json_member(std::string_view object, std::string_view key) {
  if (!is_object(object)) return {};
  JsonMembers members(object);
  while (members.next()) {
    if (members.key == key) return members.value;
  }
  return {};
}

std::string_view json_text(std::string_view span, std::string& room) {
  if (span.size() < 2 || !is_string(span)) return {};
  std::string_view inner = span.substr(1, span.size() - 2);
  if (std::memchr(inner.data(), '\\', inner.size()) == nullptr) return inner;
  auto decoded = http::json_string(span);
  room = decoded ? std::move(*decoded) : std::string(inner);
  return room;
}

std::optional<std::string_view> json_plain(std::string_view span) {
  if (span.size() < 2 || span.front() != '"' || span.back() != '"') return std::nullopt;
  const std::string_view inside = span.substr(1, span.size() - 2);
  bool escaped = false;
  const char* const end = inside.data() + inside.size();
  if (detail::string_close(inside.data(), end, escaped) != end || escaped) return std::nullopt;
  return inside;
}

size_t json_text_size(std::string_view span) {
  if (span.size() < 2 || !is_string(span)) return 0;
  std::string_view inner = span.substr(1, span.size() - 2);
  size_t size = inner.size();
  while (!inner.empty()) {
    const void* slash = std::memchr(inner.data(), '\\', inner.size());
    if (slash == nullptr) break;
    inner.remove_prefix(static_cast<size_t>(static_cast<const char*>(slash) - inner.data()));
    if (inner.size() < 6 || inner[1] != 'u') {
      size -= 1;
      inner.remove_prefix(std::min<size_t>(2, inner.size()));
      continue;
    }
    // \uXXXX is one to three bytes; of a surrogate pair each half is two of the four.
    auto digit = [&](size_t i) { return ascii::lower(inner[i]); };
    bool surrogate = digit(2) == 'd' && (digit(3) > '7');
    bool one = inner.substr(2, 2) == "00" && inner[4] < '8';
    bool two = inner[2] == '0' && inner[3] < '8';
    size -= 6 - (one ? 1u : two || surrogate ? 2u : 3u);
    inner.remove_prefix(6);
  }
  return size;
}

std::string_view json_word(std::string_view object, std::string_view key) {
  std::string_view span = json_member(object, key);
  return span.size() >= 2 && is_string(span) ? span.substr(1, span.size() - 2) : std::string_view{};
}

}  // namespace baton::http
