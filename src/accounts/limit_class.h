// LimitClass: what the vendor meters apart within one organization: families of models, and operations that are no
// inference. A closed list, so that state per class is bounded whatever models clients name. Thread: any; pure. Source:
// the vendor's rate limits page (read 2026-11): limits hold per organization and model class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/route.h"

namespace baton::accounts {

enum class LimitClass : uint8_t { kOpus, kSonnet, kHaiku, kFable, kMythos, kOtherModel, kCountTokens, kOtherOperation };
inline constexpr size_t kLimitClasses = 8;

LimitClass limit_class(model::Operation operation, std::string_view model);
std::string_view name(LimitClass limits);

}  // namespace baton::accounts
