#include "accounts/routes.h"

#include <algorithm>

#include "base/check.h"

namespace baton::accounts {

namespace {

bool fits(const std::string& pattern, std::string_view text) {
  if (pattern.ends_with('*')) return text.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  return text == pattern;
}

// No patterns: anything fits.
bool any_fits(const std::vector<std::string>& patterns, std::string_view text) {
  return patterns.empty() ||
         std::ranges::any_of(patterns, [&](const std::string& pattern) { return fits(pattern, text); });
}

}  // namespace

Routes::Routes(const Config& config) {
  for (const AccountConfig& account : config.accounts) {
    if (std::ranges::find(groups_, account.group) == groups_.end()) groups_.push_back(account.group);
  }
  BATON_CHECK(groups_.size() <= kGroupsMax);
  for (const RouteConfig& route : config.routes) {
    Route& made = routes_.emplace_back(Route{.match = &route, .chain = {}});
    Chain& chain = made.chain;
    chain.rank.fill(route.groups.empty() ? 0 : Chain::kNotIn);
    for (const std::string& group : route.groups) chain.rank[group_of(group)] = chain.length++;
    if (route.groups.empty()) chain.length = 1;
    chain.fallback_models = route.fallback_models;
  }
}

GroupIndex Routes::group_of(std::string_view group) const {
  const auto at = std::ranges::find(groups_, group);
  BATON_CHECK(at != groups_.end());
  return static_cast<GroupIndex>(at - groups_.begin());
}

const Chain* Routes::find(std::string_view model, std::string_view client, std::string_view team) const {
  for (const Route& route : routes_) {
    if (any_fits(route.match->models, model) && any_fits(route.match->clients, client) &&
        any_fits(route.match->teams, team))
      return &route.chain;
  }
  return nullptr;
}

}  // namespace baton::accounts
