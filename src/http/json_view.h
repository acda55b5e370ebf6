// Reading inside JSON that http::JsonScanner has already found to be valid: members of an object, elements of an array,
// as spans of the original text. Nothing is copied. On text that is not valid it gives nonsense or nothing, but never
// reads outside. Thread: any. Bounds: time linear in the bytes passed over; no allocation, no recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/json.h"

namespace baton::http {

// By its first byte; an empty span (an absent value) is kNull.
JsonType json_type(std::string_view value);
inline bool is_string(std::string_view value) { return !value.empty() && value.front() == '"'; }
inline bool is_object(std::string_view value) { return !value.empty() && value.front() == '{'; }
inline bool is_array(std::string_view value) { return !value.empty() && value.front() == '['; }
inline bool is_null(std::string_view value) { return value.empty() || value == "null"; }

// while (members.next()) use(members.key, members.value)
class JsonMembers {
 public:
  explicit JsonMembers(std::string_view object) : rest_(object) {}
  bool next();
  std::string_view key;    // between the quotes, escapes as written
  std::string_view value;  // the span, quotes and brackets included
  // Once next() has said no: whether the object ended there, with nothing but blanks behind it.
  bool ended() const;

 private:
  std::string_view rest_;
  bool begun_ = false;
  bool broken_ = false;
};

// while (elements.next()) use(elements.value)
class JsonElements {
 public:
  explicit JsonElements(std::string_view array) : rest_(array) {}
  bool next();
  std::string_view value;

 private:
  std::string_view rest_;
};

// The member's span, or empty.
std::string_view json_member(std::string_view object, std::string_view key);
// The characters of a string span. Without escapes a view into the span; else decoded into `room`. Empty for anything
// but a string.
std::string_view json_text(std::string_view span, std::string& room);
// The characters of a span that is one string, written without escapes; nothing for any other.
std::optional<std::string_view> json_plain(std::string_view span);
// How many bytes json_text() would give, without making them.
size_t json_text_size(std::string_view span);
// The string member's characters when they hold no escape, else as written between the quotes: for names that are
// compared only.
std::string_view json_word(std::string_view object, std::string_view key);
// How far the value that begins `text` reaches; text.size() when it does not end.
size_t json_extent(std::string_view text);

}  // namespace baton::http
