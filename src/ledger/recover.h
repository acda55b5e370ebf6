// recover_journal(): takes over what a killed process left in its journal: each call that had come to its end gets its
// row, exactly; each that had not is booked as `unknown`, and counts in budgets for what it had reserved. What stands
// in the ledger already is not booked twice. Life: at the start, before the Book and the budgets. Thread: one. Bounds:
// as much memory as the journal has records.
#pragma once

#include <string>

#include <vector>

#include "base/error.h"
#include "ledger/price_table.h"
#include "model/outcome.h"

namespace baton::ledger {

struct Recovered {
  size_t ended = 0;    // rows of calls that had ended
  size_t unknown = 0;  // rows of calls of which that is not known
};
// kStore: nothing was taken over, and the journal stays for another try.
Expected<Recovered> recover_journal(const std::string& folder, const PriceTable& prices);

// Where rows go to a server that may be away: the calls that the journal holds, each once, for the Book to write when
// it can; rows that stand there already it does not write again. The files are to be kept until then
// (store::Journal::adopt()).
struct LeftCalls {
  std::vector<model::Outcome> calls;
  std::vector<std::string> files;
};
Expected<LeftCalls> read_journal(const std::string& folder);
Recovered count(const std::vector<model::Outcome>& calls);

}  // namespace baton::ledger
