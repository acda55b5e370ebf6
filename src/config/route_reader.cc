#include "config/route_reader.h"

#include <algorithm>
#include <utility>

namespace baton::config {
namespace {

using accounts::RouteConfig;

constexpr size_t kNameBytesMax = 256;

[[noreturn]] void refuse(const Source& source, const Place& place, std::string reason) {
  source.refuse(place.node.line, place.key, std::move(reason));
}

}  // namespace

std::vector<std::string> read_names(const Source& source, const Place& place) {
  if (place.node.kind != Node::Kind::kList) refuse(source, place, "must be a list");
  std::vector<std::string> names;
  for (const Node& item : place.node.items) {
    const Place here{item, place.key + "[" + std::to_string(names.size()) + "]"};
    std::string name = checked_text(source, here, Secrecy::kPublic);
    if (name.size() > kNameBytesMax)
      refuse(source, here, "must have at most " + std::to_string(kNameBytesMax) + " characters");
    if (std::ranges::find(names, name) != names.end()) refuse(source, here, "is in this list already");
    names.push_back(std::move(name));
  }
  if (names.empty()) refuse(source, place, "must not be empty");
  return names;
}

std::span<const Setting<RouteConfig>> route_table() {
  const auto row = [](std::string_view key, std::string_view default_text, std::string_view meaning) {
    return Setting<RouteConfig>{.key = key,
                                .kind = Kind::kOther,
                                .at = {},
                                .type = "list of names",
                                .default_text = default_text,
                                .meaning = meaning};
  };
  static const Setting<RouteConfig> kRows[] = {
      row("match.models", "any", "Models that it is for; a `*` at the end stands for whatever follows."),
      row("match.clients", "any", "Clients and keys that it is for, by their names; likewise."),
      row("match.teams", "any", "Teams of keys that it is for; likewise."),
      row("groups", "all accounts, in no order",
          "Groups of accounts in the order in which they are asked; accounts of other groups never are."),
      row("fallback_models", "none",
          "Models that may answer instead, in this order, when no account of these groups can: only for calls that "
          "carry `baton-allow-model-fallback: 1`, and keys that may use them. The reply then has "
          "`baton-model-fallback`."),
  };
  return kRows;
}

std::vector<RouteConfig> read_routes(const Source& source, const Place& place) {
  if (place.node.kind != Node::Kind::kList) refuse(source, place, "must be a list");
  std::vector<RouteConfig> routes;
  for (const Node& item : place.node.items) {
    const Place here{item, place.key + "[" + std::to_string(routes.size()) + "]"};
    if (routes.size() >= accounts::kRoutesMax)
      refuse(source, here, "is more than " + std::to_string(accounts::kRoutesMax) + " routes");
    RouteConfig& route = routes.emplace_back();
    read_fields<RouteConfig>(
        source, here, route_table(),
        [&source](std::string_view row, const Place& list, RouteConfig& out) {
          auto names = read_names(source, list);
          if (row == "match.models") out.models = std::move(names);
          if (row == "match.clients") out.clients = std::move(names);
          if (row == "match.teams") out.teams = std::move(names);
          if (row == "groups") out.groups = std::move(names);
          if (row == "fallback_models") {
            if (names.size() > accounts::kFallbackModelsMax)
              refuse(source, list, "must have at most " + std::to_string(accounts::kFallbackModelsMax) + " models");
            out.fallback_models = std::move(names);
          }
        },
        route);
    if (route.groups.empty() && route.fallback_models.empty())
      refuse(source, here, "must say where to: give it groups or fallback_models");
  }
  return routes;
}

}  // namespace baton::config
