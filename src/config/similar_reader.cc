#include "config/similar_reader.h"

#include <algorithm>
#include <utility>

#include "config/route_reader.h"

namespace baton::config {

using similar::Rule;

std::span<const Setting<Rule>> similar_rule_table() {
  const auto names = [](std::string_view key, std::string_view meaning) {
    return Setting<Rule>{
        .key = key, .kind = Kind::kOther, .at = {}, .type = "list of names", .default_text = "any", .meaning = meaning};
  };
  static const Setting<Rule> kRows[] = {
      names("match.models", "Models that it is for; a `*` at the end stands for whatever follows."),
      names("match.clients", "Clients and keys that it is for, by their names; likewise."),
      names("match.teams", "Teams of keys that it is for; likewise."),
      {.key = "mode",
       .kind = Kind::kText,
       .at = static_cast<std::string& (*)(Rule&)>([](Rule& rule) -> std::string& { return rule.mode; }),
       .meaning =
           "`shadow`: what would have been served is counted, and the upstream asked all the same. `on`, `off`."},
      {.key = "error_max",
       .kind = Kind::kShare,
       .at = static_cast<double& (*)(Rule&)>([](Rule& rule) -> double& { return rule.error_max; }),
       .meaning = "Of what is served so many may be wrong, 0.001 to 0.2. Nothing is served in a scope before the "
                  "upstream's own answers have shown that it is less: 459 right ones in a row for 0.01."},
  };
  return kRows;
}

std::vector<Rule> read_similar_rules(const Source& source, const Place& place) {
  const auto refuse = [&source](const Place& at, std::string reason) {
    source.refuse(at.node.line, at.key, std::move(reason));
  };
  if (place.node.kind != Node::Kind::kList) refuse(place, "must be a list");
  std::vector<Rule> rules;
  for (const Node& item : place.node.items) {
    const Place here{item, place.key + "[" + std::to_string(rules.size()) + "]"};
    if (rules.size() >= similar::kRulesMax)
      refuse(here, "is more than " + std::to_string(similar::kRulesMax) + " rules");
    Rule& rule = rules.emplace_back();
    read_fields<Rule>(
        source, here, similar_rule_table(),
        [&source](std::string_view row, const Place& list, Rule& out) {
          auto names = read_names(source, list);
          if (row == "match.models") out.models = std::move(names);
          if (row == "match.clients") out.clients = std::move(names);
          if (row == "match.teams") out.teams = std::move(names);
        },
        rule);
    if (rule.mode != "on" && rule.mode != "off" && rule.mode != "shadow")
      refuse(here, "mode must be off, shadow or on");
    if (rule.error_max < similar::kErrorMaxLeast || rule.error_max > similar::kErrorMaxMost)
      refuse(here, "error_max must be 0.001 to 0.2");
  }
  return rules;
}

}  // namespace baton::config
