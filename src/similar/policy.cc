#include "similar/policy.h"

#include <algorithm>

namespace baton::similar {

namespace {

bool fits(const std::string& pattern, std::string_view text) {
  if (pattern.ends_with('*')) return text.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  return text == pattern;
}

bool any_fits(const std::vector<std::string>& patterns, std::string_view text) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const auto& pattern) { return fits(pattern, text); });
}

Mode mode_of(std::string_view text) { return text == "on" ? Mode::kOn : text == "shadow" ? Mode::kShadow : Mode::kOff; }

}  // namespace

Policy policy_of(const Config& config, std::string_view model, std::string_view client, std::string_view team) {
  for (const Rule& rule : config.rules) {
    if (any_fits(rule.models, model) && any_fits(rule.clients, client) && any_fits(rule.teams, team))
      return {mode_of(rule.mode), rule.error_max};
  }
  return {};
}

}  // namespace baton::similar
