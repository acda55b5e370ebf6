#include "config/budget_reader.h"

#include <array>

#include "config/key_rule.h"
#include "config/url.h"
#include "model/budget_text.h"

namespace baton::config {
namespace {

constexpr size_t kSecretBytesMin = 16;

[[noreturn]] void refuse(const Source& source, const Place& place, std::string reason) {
  source.refuse(place.node.line, place.key, std::move(reason));
}

void read_field(const Source& source, std::string_view row, const Place& place, BudgetRow& out) {
  const std::string text = checked_text(source, place, Secrecy::kPublic);
  const auto taken = [&](auto parsed) {
    if (!parsed) refuse(source, place, parsed.error());
    return *parsed;
  };
  if (row == "day") out.budget.day_nanodollars = taken(model::parse_dollars(text));
  if (row == "month") out.budget.month_nanodollars = taken(model::parse_dollars(text));
  if (row == "reserve") out.budget = taken(model::parse_reserve(text, out.budget));
}

}  // namespace

std::map<std::string, model::Budget, std::less<>> read_budgets(const Source& source, const Place& place) {
  if (place.node.kind != Node::Kind::kList) refuse(source, place, "must be a list");
  if (place.node.items.size() > kBudgetsMax) refuse(source, place, "has too many items");
  std::map<std::string, model::Budget, std::less<>> out;
  for (const Node& node : place.node.items) {
    const Place item{node, place.key + "[" + std::to_string(out.size()) + "]"};
    BudgetRow row;
    read_fields<BudgetRow>(
        source, item, budget_table(),
        [&source](std::string_view field, const Place& here, BudgetRow& to) { read_field(source, field, here, to); },
        row);
    if (!is_name(row.name))
      refuse(source, item, "has no name of 1 to 64 letters, digits, dots, hyphens or underscores");
    if (!row.budget.any()) refuse(source, item, "limits nothing: give it a day, a month or both, in dollars");
    if (!out.emplace(row.name, row.budget).second) refuse(source, item, "has the name of another item");
  }
  return out;
}

void check_webhook(const Source& source, const Place& section, ledger::Config& config) {
  if (config.webhook.empty()) return;
  static constexpr std::array<std::string_view, 2> kSchemes{"https", "http"};
  const Node& at = *section.node.find("webhook");
  const Place place{at, section.key + ".webhook"};
  const auto url = parse_url(config.webhook, {.schemes = kSchemes, .path = true});
  if (!url) refuse(source, place, url.error());
  if (url->scheme == "http" && !is_loopback_name(url->host)) {
    refuse(source, place, "would tell the network what is spent: http:// is for loopback addresses only, use https://");
  }
  if (config.webhook_secret.reveal().size() < kSecretBytesMin) {
    refuse(source, place, "needs a webhook_secret of at least 16 characters beside it: posts are signed with it");
  }
  config.webhook = url->text();
}

}  // namespace baton::config
