// Words: what is known of English and Chinese words: which say nothing of their own, which are two ways to write the
// same, and of which sort they are, so that a refusal can be named. A word that is not listed has a meaning of its own.
// A word may only be dropped, or be put under another's name, where that never changes the answer: when in doubt it is
// left out of the table. Life: built at first use, immutable. Thread: any. Bounds: some thousand words of at most
// kPhraseWordsMax words or kHanMax characters.
#pragma once

#include <cstdint>
#include <string_view>

namespace baton::similar {

enum class Sort : uint8_t {
  kContent,  // anything else
  kPlain,    // dropped where a word follows: articles and the present of "to be"
  kLead,     // dropped at the beginning: "could you tell me"
  kTail,     // dropped at the end; in English only behind punctuation: "thanks in advance"
  kEnds,     // dropped at both ends, where punctuation sets it apart: a greeting
  kWhatIs,   // asks what something is, wherever it stands
  kQuestion,
  kNumber,
  kUnit,
  kDate,
  kNegation,
  kPolarity,
  kTense,
};

struct Word {
  Sort sort = Sort::kContent;
  uint64_t id = 0;  // the same for words that say the same
};

inline constexpr size_t kPhraseWordsMax = 6;
inline constexpr size_t kHanMax = 7;

// A word or several with a blank between them, lower case; null: not listed.
const Word* find_phrase(std::string_view words);
// Whether a listed phrase of several words begins with this one.
bool begins_phrase(std::string_view word);
// Characters, of a text in Chinese.
const Word* find_han(std::u32string_view characters);
// Of a word that means something else with a capital (turkey, Turkey): it is compared as it is written.
bool depends_on_case(std::string_view word);
// Of a word that is another one in capitals (us, US).
bool is_abbreviation(std::string_view word);
// "don't" and the like: the words that it stands for, with a blank between them; empty: none.
std::string_view spelt_out(std::string_view word);

// Whether a text with this word is about words ("how do you say ..."): nothing of it is dropped.
bool is_about_words(std::string_view word);
bool is_about_words(std::u32string_view characters);

uint64_t id_of(std::string_view canonical);

}  // namespace baton::similar
