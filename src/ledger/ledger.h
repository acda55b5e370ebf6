// Ledger: closes each Call exactly once: counts it, writes its line of the access log and hands it to the Book. One per
// loop.
// Life: made with its loop, closed before the loop ends (the destructor hands over what is left). Thread: its loop's.
// Bounds: a line is at most kLineBytesMax; lines gather in a buffer of kFlushBytes that goes to the log's one writer
// thread when it is full or kFlushAfter has passed since its first line: no wake-up per line, none at all when nothing
// happens. Outcomes for the Book gather likewise, kOutcomesMax at most.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "ledger/access_line.h"
#include "ledger/access_log.h"
#include "ledger/book.h"
#include "metrics/relay_metrics.h"
#include "model/outcome.h"
#include "runtime/loop.h"
#include "store/journal.h"

namespace baton::ledger {

class Ledger {
 public:
  static constexpr size_t kFlushBytes = 64 * kKiB;
  static constexpr Duration kFlushAfter = std::chrono::milliseconds(100);

  static constexpr size_t kOutcomesMax = 128;

  // Borrows all for its life. `log` may be off; without a book nothing is written down, without a journal what waits
  // for the book goes with a killed process.
  Ledger(runtime::Loop& loop, metrics::RelayMetrics::Shard& metrics, AccessLog& log, Book* book = nullptr,
         store::Journal* journal = nullptr);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Before anything of the call is sent: from here on it is booked even if the process is killed. `reserved`: what it
  // has taken of budgets, for which it counts if its end stays unknown. kStore: it must not be sent.
  Expected<void> intend(model::Outcome& outcome, std::optional<int64_t> reserved);
  // Before the client has the call's last byte: what is known now is what is booked if the process is killed. May be
  // told again when more is known.
  void seal(model::Outcome& outcome);
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
  std::optional<store::Journal::Writer> journal_;
  std::string record_;
  AccessLine line_;
  Lines pending_;
  std::vector<model::Outcome> outcomes_;  // for the book
  uint64_t closed_ = 0;
  std::vector<std::function<void(const model::Outcome&)>> observers_;
  FlushTimer due_;
  runtime::Timer timer_;
};

}  // namespace baton::ledger
