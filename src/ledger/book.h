// Book: where closed calls are written down for good: a bounded queue from the loops to the one thread that writes
// <data_dir>/ledger.db or a PostgreSQL database, many rows in one transaction.
// No row is ever dropped while the process lives. A file that cannot be written (full, read-only, locked) leaves its
// rows in the queue; they are tried again every second (a server after 1 to 8 s), and trouble() says why. When
// Config::queue_rows_max wait, has_room() turns false and the relay refuses new calls until rows are written: what
// cannot be booked is not begun. A corrupt file is moved aside, said once, and a new one begun. Life: made in app/
// before the loops, ended after them: what waits is written, for at most kExitWait; what then still cannot be written
// is counted and said. Thread: any. Bounds: queue_rows_max rows, and those of calls that were let in before it was
// reached.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ledger/config.h"
#include "ledger/price_table.h"
#include "metrics/log.h"
#include "model/outcome.h"
#include "runtime/clock.h"
#include "store/journal.h"

namespace baton::ledger {

class Book {
 public:
  static constexpr Duration kExitWait = std::chrono::seconds(2);

  // `folder` is the data folder, not empty. Never fails: without a usable file or server it keeps trying. Borrows
  // clock, log and journal, in which what cannot be written even at the end stays.
  Book(const Config& config, std::string folder, std::shared_ptr<const PriceTable> prices, const runtime::Clock& clock,
       metrics::Log& log, store::Journal* journal = nullptr);
  ~Book();
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  // Whether another call may begin.
  bool has_room() const;
  // Takes the outcomes and leaves the vector empty but with room. Never blocks on the disk.
  void hand_over(std::vector<model::Outcome>& outcomes);
  // What rows cost from now on.
  void use(std::shared_ptr<const PriceTable> prices);
  std::shared_ptr<const PriceTable> prices() const;
  // Waits until all that was handed over is written; false when `at_most` has passed.
  bool settle(Duration at_most);

  // Rows that wait, rows written since the start.
  size_t waiting() const;
  uint64_t written() const;
  // What keeps rows from being written, one line; empty when all is well.
  std::string trouble() const;

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
  std::thread thread_;
};

}  // namespace baton::ledger
