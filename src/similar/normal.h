// Normal: a text's code points with differences of writing taken out that never change what is said: full-width forms,
// kinds of quotes, dashes and blanks, letters in two parts, invisible marks. Case stays (facts.h needs it); folded()
// takes it away. Unicode's NFKC goes further and is not used: it makes "x²" into "x2", "①" into "1", "ⅳ" into "iv".
// Life: pure. Thread: any. Bounds: linear in the text. Source: Unicode 15.0, UAX 15.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace baton::similar {

// Blanks of any kind are single spaces, none at the ends. Nothing when it is not UTF-8.
std::optional<std::u32string> normal(std::string_view text);

// Lower case, one code point for one: Latin, Greek, Cyrillic.
char32_t folded(char32_t c);

// The letter that `base` with this combining mark is, or 0.
char32_t composed(char32_t base, char32_t mark);

void append_utf8(std::string& out, char32_t c);

bool is_han(char32_t c);
bool is_digit(char32_t c);
// Of a script that writes words with blanks between them.
bool is_letter(char32_t c);

// Which scripts a text is written in: a bit each.
enum Script : uint16_t {
  kLatin = 1,
  kHan = 2,
  kKana = 4,
  kHangul = 8,
  kCyrillic = 16,
  kGreek = 32,
  kArabic = 64,
  kHebrew = 128,
  kIndic = 256,
  kThai = 512,
  kOtherScript = 1024,
};
uint16_t scripts(std::u32string_view text);

}  // namespace baton::similar
