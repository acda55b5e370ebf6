// Facts: what must be equal for two texts to ask the same: what each guard looks at, as hashes, so that comparing costs
// nothing. Everything in a text counts but what words.h allows to be dropped, case (where it does not decide) and the
// punctuation at its ends; and everything that counts must stand in the same order. So a pair that differs by one
// number, unit, name, negation, tense or swap is told apart however near its texts are. The first guards only give that
// a name, and hold where the order of things would not.
// Life: a value. Thread: any. Bounds: kTextBytesMax of text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/similarity.h"

namespace baton::similar {

struct Facts {
  std::array<uint64_t, model::kSimilarGuards> of{};  // by guard
  uint64_t spelling = 0;                             // of the text but for case, blanks and punctuation at its ends

  // Of the content with the question word in front and what stood before it behind ("the password how reset" is "how
  // reset the password", as Chinese may put it), and without a question's last particle. Where to look.
  uint64_t turned = 0;
};

// Nothing when the text is not UTF-8, too long, or says nothing. `plain`: the text as the embedder wants it, lower
// case.
std::optional<Facts> facts_of(std::string_view text, std::u32string* plain = nullptr);

// How much alike two texts are that may ask the same, the most alike first.
enum class Likeness : uint8_t {
  kSpelling,  // all but case, blanks and the punctuation at the ends
  kContent,   // all that counts
  kTurned,    // the same turned round its question word
};
inline constexpr size_t kLikenesses = 3;

// The first guard that tells them apart, or how alike they are.
struct Comparison {
  std::optional<model::SimilarGuard> guard;
  Likeness likeness = Likeness::kSpelling;
};
Comparison compare(const Facts& a, const Facts& b);

// Of two answers: how they differ in what can be compared (figures, units, dates, negation, opposites, code), order not
// counted.
struct Claims {
  uint64_t numbers = 0, units = 0, dates = 0, negations = 0, opposites = 0, code = 0;
  friend bool operator==(const Claims&, const Claims&) = default;
};
Claims claims_of(std::u32string_view normal_text);

}  // namespace baton::similar
