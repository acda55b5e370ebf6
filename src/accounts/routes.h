// Routes: for which calls the operator has laid down a chain: groups of accounts in the order in which they are asked,
// then other models that may stand in. A call that no route fits may go to every account, as if there were no groups.
// Life: made from the configuration with the AccountPool; immutable. Thread: any. Bounds: kGroupsMax groups,
// kRoutesMax routes, kFallbackModelsMax models in a chain.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/config.h"

namespace baton::accounts {

using GroupIndex = uint8_t;

struct Chain {
  static constexpr uint8_t kNotIn = 255;
  std::array<uint8_t, kGroupsMax> rank;  // of a group: its place in the chain, or kNotIn
  uint8_t length = 0;
  std::vector<std::string> fallback_models;
};

class Routes {
 public:
  explicit Routes(const Config& config);

  bool any() const { return !routes_.empty(); }
  // Of the first route that fits; null: none does. Valid for the life of this.
  const Chain* find(std::string_view model, std::string_view client, std::string_view team) const;
  GroupIndex group_of(std::string_view group) const;

 private:
  struct Route {
    const RouteConfig* match;
    Chain chain;
  };
  std::vector<std::string> groups_;
  std::vector<Route> routes_;
};

}  // namespace baton::accounts
