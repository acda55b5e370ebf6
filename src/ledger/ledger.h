// Ledger: closes each Call exactly once: counts it, writes its line of the access log and hands it to the Book. One per
// loop.
// Life: made with its loop, closed before the loop ends (the destructor hands over what is left). Thread: its loop's.
// Bounds: a line is at most kLineBytesMax; lines gather in a buffer of kFlushBytes that goes to the log's one writer
// thread when it is full or kFlushAfter has passed since its first line: no wake-up per line, none at all when nothing
// happens. Outcomes for the Book gather likewise, kOutcomesMax at most.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/units.h"
#include "ledger/access_line.h"
#include "ledger/access_log.h"
#include "ledger/book.h"
#include "metrics/relay_metrics.h"
#include "model/outcome.h"
#include "runtime/loop.h"

namespace baton::ledger {

class Ledger {
 public:
  static constexpr size_t kFlushBytes = 64 * kKiB;
  static constexpr Duration kFlushAfter = std::chrono::milliseconds(100);

  static constexpr size_t kOutcomesMax = 128;

  // Borrows all for its life. `log` may be off; without a book nothing is written down.
  Ledger(runtime::Loop& loop, metrics::RelayMetrics::Shard& metrics, AccessLog& log, Book* book = nullptr);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The end of a call, whatever happened. Exactly once per call; never fails, never blocks, never suspends.
  void close(model::Outcome&& outcome);
  // Whether another call may begin: what cannot be booked must not.
  bool has_room() const { return book_ == nullptr || book_->has_room(); }
  // Hands over the lines and outcomes that wait. Called by itself; call it when a drain ends.
  void flush();
  // Calls closed so far.
  uint64_t closed() const { return closed_; }
  // Sees every outcome before it is forgotten: for simulations and transcripts.
  void observe(std::function<void(const model::Outcome&)> observer) { observers_.push_back(std::move(observer)); }

 private:
  struct FlushTimer : runtime::Waiter {
    Ledger* ledger = nullptr;
  };

  // In dollars, what the choice of an account did for its prompt.
  void count_affinity(const model::Outcome& outcome);

  runtime::Loop& loop_;
  metrics::RelayMetrics::Shard& metrics_;
  AccessLog& log_;
  Book* book_;
  AccessLine line_;
  Lines pending_;
  std::vector<model::Outcome> outcomes_;  // for the book
  uint64_t closed_ = 0;
  std::vector<std::function<void(const model::Outcome&)>> observers_;
  FlushTimer due_;
  runtime::Timer timer_;
};

}  // namespace baton::ledger
