// RowsFile: the table of calls and the table of their attempts in <data_dir>/ledger.db. Rows are only added, in the
// order in which calls ended, and forgotten from the front when they are old.
// Life: a member of the Book. Thread: its writer's. Bounds: Config::keep; a save forgets at most a few rows more than
// it adds. Survives a crash of the process; after a power cut the last seconds may be missing.
#pragma once

#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "ledger/price_table.h"
#include "ledger/rows_store.h"
#include "ledger/spent.h"
#include "model/outcome.h"
#include "store/database.h"
#include "store/kept_binds.h"

namespace baton::ledger {

class RowsFile final : public RowsStore {
 public:
  static constexpr std::string_view kName = "ledger.db";

  // Opens or makes the file. For reading alone too: whoever is first makes it.
  static store::Result<RowsFile> open(const std::string& path);

  store::Result<void> save(std::span<const std::vector<model::Outcome>> batches, const PriceTable& prices,
                           WallTime oldest) override;

  // Of the calls that began then or later.
  store::Result<std::unordered_set<std::string>> request_ids(WallTime since);

  store::Database& database() { return database_; }

 private:
  explicit RowsFile(store::Database database) : database_(std::move(database)) {}
  store::Result<void> prepare();
  store::Result<void> insert(const model::Outcome& outcome, const PriceTable& prices);
  void count_holder(const model::Outcome& outcome, int64_t nanodollars);
  store::Result<void> save_holders();
  store::Result<void> forget(WallTime oldest, int64_t rows_max);

  store::Database database_;  // before the statements, which must go first
  store::Statement begin_, commit_, rollback_, insert_call_, insert_attempt_, first_, forget_attempts_, forget_calls_,
      add_spent_, note_use_;
  store::KeptBinds call_, attempt_;  // of the two inserts
  // Of the rows being saved. Nearly all are of a few keys and one day; who comes twice is added up by the table.
  struct Tally {
    int64_t day = 0;  // since 1970
    std::string key_id, client, team;
    int64_t nanodollars = 0;
    WallTime last;  // when the latest of its calls began
  };
  std::vector<Tally> tallies_;
};

}  // namespace baton::ledger
