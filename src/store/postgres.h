// Postgres: libpq, wrapped once: a connection whose every wait has an end, typed parameters, rows read one by one.
// Life: one owner; a Cursor dies before the next query of its connection. Thread: one at a time, and never a loop's: it
// waits for the server. Bounds: Options; after any failure the connection is of no use any more (good() is false) and
// its owner opens another.
// Source: libpq, chapters 34.1-34.6 (PostgreSQL 15).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "base/units.h"
#include "store/database.h"

struct pg_conn;
struct pg_result;

namespace baton::store {

// What a server refuses in a text: a byte 0, or what is not UTF-8. Each such byte becomes '?'.
std::string utf8_text(std::string_view text);

class Postgres {
 public:
  struct Options {
    Secret url = {};  // postgresql://user:password@host:port/database?sslmode=…
    std::string schema = "baton";
    Duration connect_timeout = std::chrono::seconds(5);
    Duration answer_timeout = std::chrono::seconds(30);
    // Once it is true nothing waits longer than half a second more. Borrowed; may be null.
    const std::atomic<bool>* hurry = nullptr;
  };

  // The rows of one query, read as they come.
  class Cursor {
   public:
    Cursor(Cursor&&) noexcept;
    Cursor& operator=(Cursor&&) noexcept;
    ~Cursor();
    // True when a row is there to be read, false when there are no more.
    Result<bool> step();
    // Of that row. Columns count from 0; the text is valid until the next step.
    std::string_view text(int column) const;
    int64_t number(int column) const { return number_or_null(column).value_or(0); }
    std::optional<int64_t> number_or_null(int column) const;

   private:
    friend class Postgres;
    explicit Cursor(Postgres& connection) : connection_(&connection) {}
    Postgres* connection_;  // null: read to the end
    pg_result* row_ = nullptr;
  };

  // Connects, and brings the schema to the end of `migrations`, one process at a time. A schema that is newer than this
  // program is left alone, and kStore says so. The password is in no error.
  static Result<std::unique_ptr<Postgres>> open(const Options& options, std::span<const Migration> migrations);
  // The same without making anything: nothing when there is no such schema yet.
  static Result<std::unique_ptr<Postgres>> open_to_read(const Options& options, std::span<const Migration> migrations);
  ~Postgres();
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  bool good() const;
  // Statements without parameters; their rows are passed over.
  Result<void> execute(const std::string& sql);
  // One statement with ?1, ?2, … in it, prepared at its first use: `sql` is a literal or outlives the connection.
  // Values are bound, never pasted into SQL; texts are borrowed for the call and must be fit for a server.
  Result<Cursor> query(std::string_view sql, std::span<const Value> values);
  Result<Cursor> query(std::string_view sql, std::initializer_list<Value> values) {
    return query(sql, std::span(values.begin(), values.size()));
  }
  // query() for what gives no rows of interest.
  Result<void> run(std::string_view sql, std::span<const Value> values);

 private:
  explicit Postgres(const Options& options) : options_(options) {}
  static Result<std::unique_ptr<Postgres>> open(const Options& options, std::span<const Migration> migrations,
                                                bool make);
  Result<void> connect();
  Result<void> migrate(std::span<const Migration> migrations);
  Result<int64_t> version();
  // Waits until the socket can be read (or written), at most until then.
  Result<void> wait(bool to_write, Duration at_most);
  // The next result, waited for; null at the end of a query.
  Result<pg_result*> next();
  Result<const std::string*> prepared(std::string_view sql, std::span<const Value> values);
  // To the end of what runs, so that the next query may begin.
  Result<void> finish();
  std::unexpected<Failure> failed(std::string what);
  std::unexpected<Failure> failed(pg_result* result);

  Options options_;
  pg_conn* connection_ = nullptr;
  bool broken_ = false;
  struct Prepared {
    std::string_view sql;
    std::string name;
  };
  std::vector<Prepared> prepared_;
};

}  // namespace baton::store
