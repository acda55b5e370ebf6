// RowsStore: where rows of calls are written for good: SQLite's file (rows_file.h) or PostgreSQL (rows_database.h).
// Life: made and owned by the Book's writer. Thread: its writer's.
#pragma once

#include <span>
#include <vector>

#include "base/units.h"
#include "ledger/price_table.h"
#include "model/outcome.h"
#include "store/database.h"

namespace baton::ledger {

class RowsStore {
 public:
  virtual ~RowsStore() = default;
  RowsStore() = default;
  RowsStore(RowsStore&&) noexcept = default;
  RowsStore& operator=(RowsStore&&) noexcept = default;

  // All or none, sums of holders and last uses included; forgets rows of calls that began before `oldest`.
  virtual store::Result<void> save(std::span<const std::vector<model::Outcome>> batches, const PriceTable& prices,
                                   WallTime oldest) = 0;
};

}  // namespace baton::ledger
