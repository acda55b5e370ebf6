// ASCII: the few text operations that HTTP defines on bytes, independent of any locale.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace baton::ascii {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// The same for eight characters at once: bit 5 is set in each byte that holds an upper-case letter.
constexpr uint64_t lower8(uint64_t bytes) {
  constexpr uint64_t kEach = 0x0101010101010101u;
  const uint64_t low = bytes & (0x7f * kEach);
  const uint64_t from_a = low + (0x80 - 'A') * kEach;        // the top bit of each byte: at least 'A'
  const uint64_t behind_z = low + (0x80 - 'Z' - 1) * kEach;  // beyond 'Z'
  return bytes | (from_a & ~behind_z & ~bytes & (0x80 * kEach)) >> 2;
}

// equal_ignoring_case() for texts of one size.
constexpr bool same_ignoring_case(const char* a, const char* b, size_t bytes) {
  size_t i = 0;
  if !consteval {
    const auto differ = [a, b](size_t at) {
      uint64_t left, right;
      std::memcpy(&left, a + at, sizeof left);
      std::memcpy(&right, b + at, sizeof right);
      return lower8(left) != lower8(right);
    };
    for (; i + 8 <= bytes; i += 8) {
      if (differ(i)) return false;
    }
    if (i >= 8) return i == bytes || !differ(bytes - 8);
  }
  for (; i < bytes; ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// Most texts that are compared differ in their sizes, so that this much is always inlined.
[[gnu::always_inline]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_ignoring_case(a.data(), b.data(), a.size());
}

constexpr bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

// Without the blanks and tabs on both sides (RFC 9110 OWS).
constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Digits only, no sign, no blank; nothing on overflow or on an empty text.
constexpr std::optional<uint64_t> decimal(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

// At most `max` printable characters of `text`, anything else shown as '?': safe in an error sentence.
inline std::string excerpt(std::string_view text, size_t max = 64) {
  std::string out;
  for (char c : text.substr(0, max)) out.push_back(c >= 0x20 && c < 0x7f && c != '"' && c != '\\' ? c : '?');
  return out;
}

}  // namespace baton::ascii
