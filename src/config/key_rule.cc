#include "config/key_rule.h"

#include <algorithm>
#include <array>

#include "auth/config.h"
#include "base/ascii.h"

namespace baton::config {
namespace {

bool consists_of_word_characters(std::string_view text, size_t bytes_max, std::string_view extra) {
  if (text.empty() || text.size() > bytes_max) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    const char small = ascii::lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || extra.contains(c);
  });
}

// What people paste from examples: it would pass every other check and then fail at the vendor, or be guessed.
bool is_placeholder(std::string_view key) {
  constexpr std::array<std::string_view, 7> kBeginnings{"your-",   "your_",  "change", "example",
                                                        "replace", "insert", "<"};
  const auto begins = [&](std::string_view beginning) { return ascii::starts_with_ignoring_case(key, beginning); };
  return std::any_of(kBeginnings.begin(), kBeginnings.end(), begins) || key.find("...") != key.npos ||
         key.find("xxxx") != key.npos || key.find("XXXX") != key.npos;
}

}  // namespace

bool is_name(std::string_view text) { return consists_of_word_characters(text, kNameBytesMax, "._-"); }

bool is_domain(std::string_view text) { return consists_of_word_characters(text, kDomainBytesMax, "._-/"); }

std::string key_fault(std::string_view key, size_t bytes_min) {
  if (key.empty()) return "is empty";
  for (char c : key) {
    if (c < 0x20 || c >= 0x7f) return "has a character that is not printable ASCII";
  }
  if (key.front() == ' ' || key.back() == ' ') return "begins or ends with a blank";
  if (key.size() < bytes_min) return "is shorter than " + std::to_string(bytes_min) + " characters";
  if (key.size() > auth::kKeyBytesMax) return "is longer than " + std::to_string(auth::kKeyBytesMax) + " characters";
  if (is_placeholder(key)) return "is a placeholder from an example: put the key itself";
  return {};
}

}  // namespace baton::config
