// UsageReport: the ledger's rows added up, and as they are: what `baton usage` prints.
// Reads while relays write. Life: during one command. Thread: one.
// Bounds: kGroupsMax groups; an export reads row by row.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "ledger/place.h"

namespace baton::ledger {

enum class GroupBy { kKey, kTeam, kModel, kAccount, kTag, kDay };
inline constexpr size_t kGroupsMax = 100'000;

struct Period {
  std::optional<WallTime> since;  // when calls began
  std::optional<WallTime> until;  // not included
};

struct Group {
  std::string name;    // "" for calls without one
  int64_t calls = 0;   // attempts when grouped by account
  int64_t failed = 0;  // answered with 400 and above, or not at all
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cache_read_tokens = 0;
  int64_t cache_write_tokens = 0;
  int64_t cost_nanodollars = 0;                   // of those whose cost is known
  int64_t held_nanodollars = 0;                   // beyond that, what calls of unknown cost count for in budgets
  int64_t reserved_nanodollars = 0;               // what budgets had set aside before the calls were sent
  int64_t given_back_nanodollars = 0;             // of that, what was not needed
  int64_t saved_by_reuse_nanodollars = 0;         // what kept replies had cost, those of streams come back to included
  int64_t saved_by_coalescing_nanodollars = 0;    // what replies shared while they were under way had cost
  int64_t saved_by_similar_nanodollars = 0;       // what kept replies to the same in other words had cost
  int64_t saved_by_prompt_cache_nanodollars = 0;  // against all prompts as fresh input, writes included
  int64_t saved_by_batch_nanodollars = 0;         // where a reply states that it was of a batch
  int64_t unpriced = 0;                           // calls whose cost is not known
  int64_t simulated = 0;                          // calls that the simulator answered: their dollars were not spent
};

// Dearest first; days in their order. By tag, a call with two tags counts in both. By account, what was reserved and
// saved counts for the account of the last attempt, and calls that no account was asked for are left out. kStore: no
// file, or not readable.
Expected<std::vector<Group>> usage_by(const Place& place, GroupBy by, const Period& period);

enum class ExportFormat { kCsv, kJsonLines };
// All of them together; of groups by tag it counts calls with two tags twice.
Group total_of(const std::vector<Group>& groups);

// One line per call in the order in which they ended, and a head line with kCsv. `write` gives false to stop.
Expected<void> export_rows(const Place& place, ExportFormat format, const Period& period,
                           const std::function<bool(const std::string& line)>& write);

// A table for people, or a JSON object for programs, each with its final line break.
std::string usage_table(const std::vector<Group>& groups, GroupBy by);
std::string usage_json(const std::vector<Group>& groups, GroupBy by);

}  // namespace baton::ledger
