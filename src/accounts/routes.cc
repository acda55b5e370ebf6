#include "accounts/routes.h"

#include <algorithm>

#include "base/check.h"
#include "model/names.h"

namespace baton::accounts {

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
    if (model::any_fits(route.match->models, model) && model::any_fits(route.match->clients, client) &&
        model::any_fits(route.match->teams, team))
      return &route.chain;
  }
  return nullptr;
}

}  // namespace baton::accounts
