#include "accounts/limit_class.h"

namespace baton::accounts {

LimitClass limit_class(model::Operation operation, std::string_view model) {
  if (operation == model::Operation::kCountTokens) return LimitClass::kCountTokens;
  if (operation != model::Operation::kMessages) return LimitClass::kOtherOperation;
  struct Row {
    std::string_view family;
    LimitClass limits;
  };
  static constexpr Row kRows[] = {{"sonnet", LimitClass::kSonnet},
                                  {"opus", LimitClass::kOpus},
                                  {"haiku", LimitClass::kHaiku},
                                  {"fable", LimitClass::kFable},
                                  {"mythos", LimitClass::kMythos}};
  for (const Row& row : kRows) {
    if (model.find(row.family) != std::string_view::npos) return row.limits;
  }
  return LimitClass::kOtherModel;
}

std::string_view name(LimitClass limits) {
  switch (limits) {
    case LimitClass::kOpus: return "opus";
    case LimitClass::kSonnet: return "sonnet";
    case LimitClass::kHaiku: return "haiku";
    case LimitClass::kFable: return "fable";
    case LimitClass::kMythos: return "mythos";
    case LimitClass::kOtherModel: return "other";
    case LimitClass::kCountTokens: return "count_tokens";
    case LimitClass::kOtherOperation: return "operation";
  }
  return "other";
}

}  // namespace baton::accounts
