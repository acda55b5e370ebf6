// Table: one row for each setting: its key, its type and range, where it goes and what it means. The rows read the
// file, find the key that a misspelt one means, and make docs/config.md and docs/limits.md, so that none of these can
// disagree. Life: static. Thread: any; immutable. Bounds: some seventy rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/secret.h"
#include "config/settings.h"

namespace baton::config {

enum class Kind { kText, kBool, kCount, kSize, kDuration, kShare, kOther };

static_assert(std::is_same_v<size_t, uint64_t>, "sizes and counts share one accessor");

template <class T>
struct Setting {
  std::string_view key;  // "edge.head_timeout"; what is before a dot is a section
  Kind kind = Kind::kOther;
  std::variant<std::monostate, Duration& (*)(T&), uint64_t& (*)(T&), uint32_t& (*)(T&), double& (*)(T&), bool& (*)(T&),
               std::string& (*)(T&), Secret& (*)(T&)>
      at = {};       // nothing for kOther, which load.cc reads by its key
  uint64_t min = 0;  // kCount, kSize in bytes, kDuration in nanoseconds
  uint64_t max = 0;
  Secrecy secrecy = Secrecy::kPublic;
  std::string_view type = {};          // for the document, where the kind does not say it
  std::string_view default_text = {};  // for the document, where the value does not say it
  std::string_view meaning = {};
};

std::span<const Setting<Settings>> settings_table();
std::span<const Setting<edge::ListenConfig>> listen_table();
std::span<const Setting<auth::ClientConfig>> client_table();
std::span<const Setting<admin::TokenConfig>> token_table();
std::span<const Setting<accounts::AccountConfig>> account_table();
std::span<const Setting<accounts::EndpointConfig>> endpoint_table();
std::span<const Setting<ledger::Price>> price_table();
// An item of budgets.teams or budgets.clients.
struct BudgetRow {
  std::string name;
  model::Budget budget;
};
std::span<const Setting<BudgetRow>> budget_table();
std::span<const Setting<sim::OrgConfig>> org_table();
std::span<const Setting<sim::KeyConfig>> org_key_table();

// For the document and for reasons: "duration", "1s to 1h".
std::string_view type_name(Kind kind);
std::string bound_text(Kind kind, uint64_t value);

}  // namespace baton::config
