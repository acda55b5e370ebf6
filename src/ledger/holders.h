// Holders: what the ledger knows of those who spend: what each holder of a budget has spent this day and month, and
// when each key was last used (as of the last rows written: well within a second).
// Life: functions. Thread: any but a loop's: they read the ledger. Bounds: as many as there are keys and teams.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "ledger/place.h"
#include "ledger/spent.h"

namespace baton::ledger {

struct Holders {
  std::unordered_map<std::string, Spent> spent;         // by holder (spent.h)
  std::unordered_map<std::string, WallTime> last_used;  // by the id of a key made at run time

  // Zeros for who has spent nothing.
  Spent of(const std::string& holder) const;
};

// No ledger is nobody. kStore: not readable.
Expected<Holders> read_holders(const Place& place, WallTime now);

}  // namespace baton::ledger
