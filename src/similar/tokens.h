// Tokens: a text cut into what it is made of, each with what words.h knows of it. Life: a value; views into its text.
// Thread: any. Bounds: linear in the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "similar/words.h"

namespace baton::similar {

enum class Kind : uint8_t {
  kWord,    // of letters
  kHan,     // characters, as many as a listed word has; else one
  kNumber,  // digits
  kCode,    // in backticks; a URL, an address, a name with dots, digits or capitals inside
  kQuoted,  // between quotes
  kStop,    // . , ; : ! ?
  kSign,    // any other
};

struct Token {
  Kind kind = Kind::kSign;
  Word word;                 // of kWord and kHan
  std::string text;          // words in lower case; numbers without separators; the rest as it is written
  bool capital = false;      // of a word: its first letter
  bool all_capital = false;  // of more than one letter
};

// `normal_text` is normal() of it. Phrases of several words are one token where they are listed.
std::vector<Token> tokens_of(std::u32string_view normal_text);

// Whether it asks about words rather than with them.
bool about_words(std::u32string_view normal_text, const std::vector<Token>& tokens);

}  // namespace baton::similar
