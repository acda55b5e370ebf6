// Reconcile: the ledger's dollars beside the vendor's own, per day (UTC) and model: what `baton usage reconcile`
// prints. Reads a cost report as CSV (a table with a day, a cost in dollars and perhaps a model) or as the Admin API
// gives it (JSON, amounts in cents). Life: during one command. Thread: one. Bounds: kReportBytesMax; kGroupsMax rows.
// Source: Admin API, cost report (read 2026-11).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "ledger/usage_report.h"

namespace baton::ledger {

inline constexpr size_t kReportBytesMax = 64 * kMiB;

// Nanodollars by day ("2026-11-24") and model; the model is empty for costs that belong to none. A model's id is
// without its date, so that an alias and what it stands for are one.
using Costs = std::map<std::pair<std::string, std::string>, int64_t>;

// kConfig with a sentence that says what is wrong, and in which line.
Expected<Costs> read_cost_report(std::string_view text);
// What the ledger has booked for those days, without what the simulator answered. kStore.
Expected<Costs> booked_costs(const Place& place, const Period& period);

struct Reconciled {
  std::string text;     // a table for people, or JSON
  bool agrees = false;  // every day and the whole differ by no more than the tolerance, or by a cent
};
// Only the days of the report count: before and after them it says nothing. `tolerance` is a share of what the vendor
// says.
Reconciled reconcile(const Costs& booked, const Costs& reported, double tolerance, bool json);

}  // namespace baton::ledger
