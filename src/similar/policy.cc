#include "similar/policy.h"

#include "model/names.h"

namespace baton::similar {

namespace {

Mode mode_of(std::string_view text) { return text == "on" ? Mode::kOn : text == "shadow" ? Mode::kShadow : Mode::kOff; }

}  // namespace

Policy policy_of(const Config& config, std::string_view model, std::string_view client, std::string_view team) {
  using model::any_fits;
  for (const Rule& rule : config.rules) {
    if (any_fits(rule.models, model) && any_fits(rule.clients, client) && any_fits(rule.teams, team))
      return {mode_of(rule.mode), rule.error_max};
  }
  return {};
}

}  // namespace baton::similar
