#include "http/json_view.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ascii.h"

namespace baton::http {

namespace {

bool blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string_view skip_blanks(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  return text;
}

// Behind the closing quote of the string that begins at `at`.
size_t string_end(std::string_view text, size_t at) {
  size_t from = at + 1;
  while (from < text.size()) {
    const void* quote = std::memchr(text.data() + from, '"', text.size() - from);
    if (quote == nullptr) return text.size();
    size_t end = static_cast<size_t>(static_cast<const char*>(quote) - text.data());
    size_t slashes = 0;
    while (end - slashes > at + 1 && text[end - slashes - 1] == '\\') ++slashes;
    if (slashes % 2 == 0) return end + 1;
    from = end + 1;
  }
  return text.size();
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
  if (text.front() == '"') return string_end(text, 0);
  size_t at = 0;
  if (text.front() != '{' && text.front() != '[') {
    while (at < text.size() && text[at] != ',' && text[at] != '}' && text[at] != ']' && !blank(text[at])) ++at;
    return at;
  }
  size_t depth = 0;
  while (at < text.size()) {
    char c = text[at];
    if (c == '"') {
      at = string_end(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return text.size();
}

bool JsonMembers::next() {
  rest_ = skip_blanks(rest_);
  if (rest_.empty() || rest_.front() != (begun_ ? ',' : '{')) return false;
  rest_ = skip_blanks(rest_.substr(1));
  if (!std::exchange(begun_, true) && rest_.starts_with('}')) return false;
  broken_ = true;  // until the member is whole
  if (rest_.empty() || rest_.front() != '"') return false;
  size_t key_end = string_end(rest_, 0);
  if (key_end < 2) return false;
  key = rest_.substr(1, key_end - 2);
  rest_ = skip_blanks(rest_.substr(key_end));
  if (rest_.empty() || rest_.front() != ':') return false;
  rest_ = skip_blanks(rest_.substr(1));
  size_t end = json_extent(rest_);
  if (end == 0) return false;
  value = rest_.substr(0, end);
  rest_.remove_prefix(end);
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
