// RowsReader: asks the ledger questions, wherever its rows lie. The questions are SQL that SQLite and PostgreSQL
// understand alike: parameters ?1, ?2, …, sums of CASE, no functions of dates.
// Reads while relays write. Life: during one question, or kept by who asks often. Thread: one at a time, and never a
// loop's: it waits for the disk or the server. Bounds: one row in memory.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "ledger/place.h"
#include "ledger/rows_file.h"
#include "store/postgres.h"

namespace baton::ledger {

class RowsReader {
 public:
  class Rows {
   public:
    // False when there are no more. kStore.
    Expected<bool> next();
    // Of the row that next() found; a text until the next one.
    std::string_view text(int column) const;
    int64_t number(int column) const;
    std::optional<int64_t> number_or_null(int column) const;

   private:
    friend class RowsReader;
    Rows(std::variant<store::Statement, store::Postgres::Cursor> rows, std::string where)
        : rows_(std::move(rows)), where_(std::move(where)) {}
    std::variant<store::Statement, store::Postgres::Cursor> rows_;
    std::string where_;
  };

  // Nothing when nothing was ever booked there. kStore.
  static Expected<std::optional<RowsReader>> open(const Place& place);

  // `sql` is a literal. Rows die before the next query.
  Expected<Rows> query(std::string_view sql, std::initializer_list<store::Value> values = {});
  // The first column of the first row of a question; 0 without one.
  Expected<int64_t> number(std::string_view sql, std::initializer_list<store::Value> values = {});

  // Whether rows have a file of their own here.
  bool in_file() const { return file_.has_value(); }

 private:
  RowsReader() = default;
  std::string where_;  // for sentences
  std::optional<RowsFile> file_;
  std::unique_ptr<store::Postgres> database_;
};

// What was never booked.
std::unexpected<Error> nothing_booked(const Place& place);

}  // namespace baton::ledger
