// Database: SQLite, wrapped once. Every value is bound to a prepared statement, nothing is ever pasted into SQL.
// Life: one owner; statements die before their database. Thread: one at a time (its owner's mutex).
// Bounds: waiting for another process is limited by busy_timeout. Files are made with mode 0600, their folder with
// 0700.
// Source: SQLite C interface, WAL mode (sqlite.org/wal.html).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "base/units.h"

struct sqlite3;
struct sqlite3_stmt;

namespace baton::store {

// One step of the schema's history. The version is its place in the list, counted from 1; what was released is never
// changed.
using Migration = std::string_view;

// What went wrong, and whether it is the file itself: not a database, or no longer a whole one.
struct Failure {
  Error error;
  bool corrupt = false;
};
template <class T>
using Result = std::expected<T, Failure>;

// A parameter of a query.
using Value = std::variant<int64_t, std::optional<int64_t>, std::string_view>;

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Parameters count from 1. Texts are copied. Binding begins a new use: what was stepped before is reset first.
  Statement& bind(int index, std::string_view text);
  // Not copied: the text must stay until the statement has run.
  Statement& lend(int index, std::string_view text);
  Statement& bind(int index, int64_t number);
  Statement& bind(int index, std::optional<int64_t> number);  // nothing is NULL
  // True when a row is there to be read, false when there are no more. kStore with what SQLite said otherwise.
  Result<bool> step();
  // step() for what gives no rows, and done with it.
  Result<void> run();
  // Of the row that step() gave. Columns count from 0; the text is valid until the next step, bind or reset.
  std::string_view text(int column) const;
  int64_t number(int column) const;
  std::optional<int64_t> number_or_null(int column) const;
  // Ends a read early, so that it holds nothing of the database.
  void reset();

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  void rewind();

  sqlite3_stmt* statement_ = nullptr;
  bool stepped_ = false;
};

class Database {
 public:
  struct Options {
    std::string path;
    Duration busy_timeout = std::chrono::milliseconds(100);
    // Whether a commit now and then carries the write-ahead log over into the file, which waits for the disk. Without
    // it the owner sees to it that checkpoint() is called from another thread.
    bool checkpoints_on_commit = true;
  };

  // Opens or makes the file and brings its schema to the end of `migrations`. The error says what failed; a corrupt
  // file is left as it is (see move_aside), and so is one whose schema is newer than this program.
  static Result<Database> open(const Options& options, std::span<const Migration> migrations);

  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  Result<Statement> prepare(std::string_view sql);
  // Several, each into its place.
  struct Wanted {
    Statement& statement;
    std::string_view sql;
  };
  Result<void> prepare_all(std::span<const Wanted> wanted);
  // Statements without parameters and without rows of interest.
  Result<void> execute(const std::string& sql);
  // Rows changed by the last statement.
  int64_t changes() const;
  // The key of the row that was inserted last.
  int64_t last_row() const;

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Result<void> migrate(std::span<const Migration> migrations);

  sqlite3* handle_ = nullptr;
};

// Carries the write-ahead log over into the file as far as readers allow, with a connection of its own; writers go on
// meanwhile. Waits for the disk. Does not make a file that is not there.
Result<void> checkpoint(const std::string& path);

// Renames the database file and its -wal and -shm to "<path>.corrupt-<suffix>", so that a new one can be begun and the
// old one looked at. Gives the new name.
Expected<std::string> move_aside(const std::string& path, std::string_view suffix);

}  // namespace baton::store
