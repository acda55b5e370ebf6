// Spent: what one holder of a budget has spent this day and this month (UTC), as the ledger knows it. A key made at run
// time goes by its id, a client of the configuration by its name.
// Life: values. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace baton::ledger {

struct Spent {
  std::string holder;
  int64_t day_nanodollars = 0;
  int64_t month_nanodollars = 0;
};

inline constexpr std::string_view kHolderKey = "key:";
inline constexpr std::string_view kHolderClient = "client:";
inline constexpr std::string_view kHolderTeam = "team:";
inline std::string holder_of_key(std::string_view key_id, std::string_view name) {
  return key_id.empty() ? std::string(kHolderClient).append(name) : std::string(kHolderKey).append(key_id);
}
inline std::string holder_of_team(std::string_view team) { return std::string(kHolderTeam).append(team); }

}  // namespace baton::ledger
