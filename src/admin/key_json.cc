#include "admin/key_json.h"

#include "model/budget_text.h"

namespace baton::admin {
namespace {

using ledger::Span;

std::string_view signing_word(auth::Signing signing) {
  switch (signing) {
    case auth::Signing::kNone: return "none";
    case auth::Signing::kOnly: return "only";
    case auth::Signing::kLegacy: return "legacy";
  }
  return "none";
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.text(text);
  json.end_array();
}

void write_rights(JsonWriter& json, const auth::Rights& rights) {
  json.begin_object();
  write_texts(json, "models", rights.models);
  write_texts(json, "endpoints", rights.endpoints);
  write_texts(json, "accounts", rights.accounts);
  write_texts(json, "groups", rights.groups);
  write_texts(json, "addresses", rights.addresses);
  json.field("requests_per_minute", rights.requests_per_minute).field("tokens_per_minute", rights.tokens_per_minute);
  json.field("concurrency", rights.concurrency);
  json.field("cache", name(rights.cache)).field("priority", name(rights.priority)).end_object();
}

}  // namespace

void write_budget(JsonWriter& json, const model::Budget& budget) {
  if (!budget.any()) {
    json.null();
    return;
  }
  const auto amount = [](int64_t nanodollars) { return nanodollars > 0 ? std::optional(nanodollars) : std::nullopt; };
  json.begin_object().dollars_field("day", amount(budget.day_nanodollars));
  json.dollars_field("month", amount(budget.month_nanodollars));
  json.field("reserve", model::reserve_text(budget)).end_object();
}

void write_standings(JsonWriter& json, const std::string& holder, const model::Budget& budget, const Money& money) {
  json.begin_array();
  for (const auto& [span, word, limit] :
       {std::tuple{Span::kDay, "day", budget.day_nanodollars}, {Span::kMonth, "month", budget.month_nanodollars}}) {
    if (limit == 0) continue;
    const WallTime resets = ledger::span_begin(span, ledger::span_number(span, money.now) + 1);
    const ledger::Spent booked = money.holders.of(holder);
    int64_t spent = span == Span::kDay ? booked.day_nanodollars : booked.month_nanodollars;
    int64_t reserved = 0;
    // A purse of an earlier period has not been opened in this one.
    const auto standing = money.budgets == nullptr ? std::nullopt : money.budgets->standing(holder, span);
    if (standing && standing->resets_at == resets) {
      spent = std::max(spent, standing->spent);
      reserved = standing->reserved;
    }
    json.begin_object().field("period", word).dollars_field("limit", limit).dollars_field("spent", spent);
    json.dollars_field("reserved", reserved).field("resets", resets);
    json.field("share", static_cast<double>(spent) / static_cast<double>(limit)).end_object();
  }
  json.end_array();
}

void write_key(JsonWriter& json, const auth::StoredKey& key, const Money& money) {
  json.begin_object().field("id", key.id).field("name", key.name).field("team", key.team).field("prefix", key.shown);
  json.field("signing", signing_word(key.signing)).key("rights");
  write_rights(json, key.rights);
  json.key("budget");
  write_budget(json, key.rights.budget);
  json.key("budgets");
  write_standings(json, ledger::holder_of_key(key.id, key.name), key.rights.budget, money);
  json.field("created", key.created).field("expires", key.expires).field("revoked", key.revoked);
  const auto used = money.holders.last_used.find(key.id);
  json.key("last_used");
  if (used == money.holders.last_used.end()) {
    json.null();
  } else {
    json.time(used->second);
  }
  json.field("tags", key.tags).end_object();
}

}  // namespace baton::admin
