#include "config/stale_reader.h"

#include <utility>

#include "config/route_reader.h"

namespace baton::config {

using reuse::StaleRule;

namespace {
constexpr uint64_t kLongest = 30ull * 24 * 3600 * 1'000'000'000;
}  // namespace

std::span<const Setting<StaleRule>> stale_rule_table() {
  const auto names = [](std::string_view key, std::string_view meaning) {
    return Setting<StaleRule>{
        .key = key, .kind = Kind::kOther, .at = {}, .type = "list of names", .default_text = "any", .meaning = meaning};
  };
  const auto time = [](std::string_view key, Duration& (*at)(StaleRule&), std::string_view meaning) {
    return Setting<StaleRule>{.key = key, .kind = Kind::kDuration, .at = at, .max = kLongest, .meaning = meaning};
  };
  static const Setting<StaleRule> kRows[] = {
      names("match.models", "Models that it is for; a `*` at the end stands for whatever follows."),
      names("match.clients", "Clients and keys that it is for, by their names; likewise."),
      names("match.teams", "Teams of keys that it is for; likewise."),
      time(
          "stale_while_revalidate", [](StaleRule& rule) -> Duration& { return rule.stale.while_revalidate; },
          "As `cache.stale_while_revalidate`, for calls that it fits."),
      time(
          "stale_if_error", [](StaleRule& rule) -> Duration& { return rule.stale.if_error; },
          "As `cache.stale_if_error`, for calls that it fits."),
  };
  return kRows;
}

std::vector<StaleRule> read_stale_rules(const Source& source, const Place& place) {
  const auto refuse = [&source](const Place& at, std::string reason) {
    source.refuse(at.node.line, at.key, std::move(reason));
  };
  if (place.node.kind != Node::Kind::kList) refuse(place, "must be a list");
  std::vector<StaleRule> rules;
  for (const Node& item : place.node.items) {
    const Place here{item, place.key + "[" + std::to_string(rules.size()) + "]"};
    if (rules.size() >= reuse::kStaleRulesMax)
      refuse(here, "is more than " + std::to_string(reuse::kStaleRulesMax) + " rules");
    read_fields<StaleRule>(
        source, here, stale_rule_table(),
        [&source](std::string_view row, const Place& list, StaleRule& out) {
          auto names = read_names(source, list);
          if (row == "match.models") out.models = std::move(names);
          if (row == "match.clients") out.clients = std::move(names);
          if (row == "match.teams") out.teams = std::move(names);
        },
        rules.emplace_back());
  }
  return rules;
}

}  // namespace baton::config
