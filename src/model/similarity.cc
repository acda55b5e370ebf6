#include "model/similarity.h"

namespace baton::model {

std::string_view name(SimilarGuard guard) {
  switch (guard) {
    case SimilarGuard::kLanguage: return "language";
    case SimilarGuard::kNumber: return "number";
    case SimilarGuard::kUnit: return "unit";
    case SimilarGuard::kDate: return "date";
    case SimilarGuard::kNegation: return "negation";
    case SimilarGuard::kPolarity: return "polarity";
    case SimilarGuard::kTense: return "tense";
    case SimilarGuard::kCode: return "code";
    case SimilarGuard::kQuoted: return "quoted";
    case SimilarGuard::kQuestion: return "question";
    case SimilarGuard::kEntity: return "entity";
    case SimilarGuard::kOrder: return "order";
  }
  return "unknown";
}

std::string_view name(SimilarResult result) {
  switch (result) {
    case SimilarResult::kNone: return "none";
    case SimilarResult::kGuarded: return "guarded";
    case SimilarResult::kFar: return "far";
    case SimilarResult::kGone: return "gone";
    case SimilarResult::kUnproved: return "unproved";
    case SimilarResult::kShadow: return "shadow";
    case SimilarResult::kAudited: return "audited";
    case SimilarResult::kServed: return "served";
    case SimilarResult::kTripped: return "tripped";
  }
  return "unknown";
}

}  // namespace baton::model
