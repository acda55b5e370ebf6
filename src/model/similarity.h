// Similarity: what was found where a call looked for the answer to another question that asks the same in other words,
// and why two questions were told apart. Values; the metrics' labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace baton::model {

// Why two texts are not taken for the same question, the first that holds.
enum class SimilarGuard : uint8_t {
  kLanguage,
  kNumber,
  kUnit,
  kDate,
  kNegation,
  kPolarity,
  kTense,
  kCode,
  kQuoted,
  kQuestion,  // another question word
  kEntity,    // another word that means something
  kOrder,     // the same words in another order
};
inline constexpr size_t kSimilarGuards = static_cast<size_t>(SimilarGuard::kOrder) + 1;
std::string_view name(SimilarGuard guard);

enum class SimilarResult : uint8_t {
  kNone,      // nothing near was known
  kGuarded,   // the nearest was told apart
  kFar,       // it was not near enough
  kGone,      // its answer is not kept any more
  kUnproved,  // that such answers are right often enough is not shown yet: the upstream is asked, and tells
  kShadow,    // it would have been served
  kAudited,   // the same, and the upstream is asked to see whether it is right
  kServed,
  kTripped,  // too many were wrong of late
};
inline constexpr size_t kSimilarResults = static_cast<size_t>(SimilarResult::kTripped) + 1;
std::string_view name(SimilarResult result);

}  // namespace baton::model
