// Policy: what the rules say of one call. Life: made from the configuration; immutable. Thread: any.
#pragma once

#include <string_view>

#include "similar/config.h"

namespace baton::similar {

struct Policy {
  Mode mode = Mode::kOff;
  double error_max = 0;
};

// The first rule that fits, or Mode::kOff.
Policy policy_of(const Config& config, std::string_view model, std::string_view client, std::string_view team);

}  // namespace baton::similar
