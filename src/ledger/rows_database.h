// RowsDatabase: the rows of calls in PostgreSQL, in a schema of their own ("baton"), for several relays together. A
// group of rows is one statement: its calls, their attempts, the sums of their holders and when keys were last used, of
// calls that stand there already nothing. So a group may be sent again when it is not known whether the server has it.
// Life: a member of the Book's writer; after a failure another is opened. Thread: its writer's, which waits for the
// server. Bounds: those of store::Postgres; every kForgetEvery saves a few rows more than were added are forgotten.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "ledger/rows_store.h"
#include "ledger/spent.h"
#include "store/postgres.h"

namespace baton::ledger {

std::span<const store::Migration> rows_database_migrations();
// What everybody's calls of a day cost, as far as known, stands among the sums under this name; and what was saved that
// day, by each way, under names that begin so.
inline constexpr std::string_view kEverybody = "all";
inline constexpr std::string_view kSavedBy = "saved:";

class RowsDatabase final : public RowsStore {
 public:
  static constexpr int kForgetEvery = 32;

  // `hurry`: see store::Postgres.
  static store::Result<std::unique_ptr<RowsDatabase>> open(const Secret& url, const std::atomic<bool>* hurry = nullptr);

  store::Result<void> save(std::span<const std::vector<model::Outcome>> batches, const PriceTable& prices,
                           WallTime oldest) override;

 private:
  static constexpr size_t kCallColumns = 38;
  static constexpr size_t kAttemptColumns = 14;  // beside its call's id
  explicit RowsDatabase(std::unique_ptr<store::Postgres> connection) : connection_(std::move(connection)) {}
  void add(const model::Outcome& outcome, const PriceTable& prices);
  store::Result<void> forget(WallTime oldest);

  std::unique_ptr<store::Postgres> connection_;
  // A column of the rows being saved, each as the text of an array.
  std::array<std::string, kCallColumns> calls_;
  std::array<std::string, kAttemptColumns> attempts_;
  int64_t rows_since_ = 0;  // the last forget()
  int saves_since_ = kForgetEvery;
};

}  // namespace baton::ledger
