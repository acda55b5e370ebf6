#include "store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/check.h"

namespace baton::store {
namespace {

Failure failure_of(sqlite3* handle) {
  std::string detail = handle == nullptr ? "out of memory" : sqlite3_errmsg(handle);
  int extended = handle == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(handle);
  int system = handle == nullptr ? 0 : sqlite3_system_errno(handle);
  if ((extended & 0xff) == SQLITE_IOERR || (extended & 0xff) == SQLITE_CANTOPEN) {
    if (system != 0) detail += std::string(": ") + std::strerror(system);
  }
  bool corrupt = (extended & 0xff) == SQLITE_CORRUPT || (extended & 0xff) == SQLITE_NOTADB;
  return {Error{ErrorCode::kStore, Fault::kUs, Retry::kLater, std::move(detail)}, corrupt};
}

std::unexpected<Error> system_error(const std::string& what) {
  return fail(ErrorCode::kStore, Fault::kUs, what + ": " + std::strerror(errno), Retry::kLater);
}

// The file with its mode, before SQLite would make it with the umask's; -wal and -shm take the mode over.
Expected<void> make_file(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && ::access(folder.c_str(), F_OK) != 0) {
    std::error_code ignored;  // mkdir says what is wrong
    if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), ignored);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_error(folder.string());
  }
  // A file that is there is not opened: closing it again would take away this process's locks on it, those of other
  // connections included, and the next process to leave would remove their log (sqlite.org/howtocorrupt.html, 2.2).
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) errno = S_ISLNK(there.st_mode) ? ELOOP : EISDIR;
    if (!S_ISREG(there.st_mode) || ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
      return system_error(path);
    return {};
  }
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0 && errno != EEXIST) return system_error(path);
  if (file >= 0) ::close(file);
  return {};
}

// Nobody asks SQLite how much memory it holds, and counting it takes a mutex at each allocation. Once, before its first
// use: later it changes nothing.
void set_up_library() {
  static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)done;
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), stepped_(other.stepped_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(stepped_, other.stepped_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::rewind() {
  if (std::exchange(stepped_, false)) sqlite3_reset(statement_);
}

Statement& Statement::bind(int index, std::string_view text) {
  rewind();
  BATON_CHECK(sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(),
                                  SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::lend(int index, std::string_view text) {
  rewind();
  BATON_CHECK(sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(),
                                  SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int index, int64_t number) {
  rewind();
  BATON_CHECK(sqlite3_bind_int64(statement_, index, number) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int index, std::optional<int64_t> number) {
  if (number) return bind(index, *number);
  rewind();
  BATON_CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  stepped_ = true;
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Failure failure = failure_of(sqlite3_db_handle(statement_));
  reset();
  return std::unexpected(std::move(failure));
}

Result<void> Statement::run() {
  Result<bool> row = step();
  if (!row) return std::unexpected(std::move(row.error()));
  reset();
  return {};
}

std::string_view Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::optional<int64_t> Statement::number_or_null(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return number(column);
}

void Statement::reset() { rewind(); }

Result<Database> Database::open(const Options& options, std::span<const Migration> migrations) {
  if (Expected<void> made = make_file(options.path); !made) {
    return std::unexpected(Failure{std::move(made.error()), false});
  }
  set_up_library();
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(options.path.c_str(), &handle,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) return std::unexpected(failure_of(handle));
  sqlite3_busy_timeout(handle, static_cast<int>(milliseconds(options.busy_timeout)));
  // NORMAL: a commit in WAL mode does not wait for the disk. What a power cut can take is the last commits, never the
  // file's sanity.
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA cell_size_check=ON",
                             "PRAGMA trusted_schema=OFF"}) {
    if (Result<void> done = database.execute(pragma); !done) return std::unexpected(std::move(done.error()));
  }
  if (!options.checkpoints_on_commit) sqlite3_wal_autocheckpoint(handle, 0);
  if (Result<void> done = database.migrate(migrations); !done) return std::unexpected(std::move(done.error()));
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                &statement, nullptr);
  if (code != SQLITE_OK) return std::unexpected(failure_of(handle_));
  return Statement(statement);
}

Result<void> Database::prepare_all(std::span<const Wanted> wanted) {
  for (const auto& [statement, sql] : wanted) {
    Result<Statement> prepared = prepare(sql);
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    statement = std::move(*prepared);
  }
  return {};
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return std::unexpected(failure_of(handle_));
  }
  return {};
}

int64_t Database::changes() const { return sqlite3_changes64(handle_); }
int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle_); }

Result<void> Database::migrate(std::span<const Migration> migrations) {
  // Usually there is nothing to do: then who only looks into the file does not stand in its writer's way.
  if (Result<Statement> newest = prepare("SELECT max(version) FROM migrations")) {
    Result<bool> row = newest->step();
    if (row && *row && newest->number(0) == static_cast<int64_t>(migrations.size())) return {};
  }
  // All of it or nothing, and one process at a time.
  if (Result<void> done = execute("BEGIN IMMEDIATE"); !done) return done;
  auto apply = [&]() -> Result<void> {
    if (Result<void> done = execute("CREATE TABLE IF NOT EXISTS migrations("
                                    "version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL) STRICT");
        !done) {
      return done;
    }
    int64_t version = 0;
    {
      Result<Statement> newest = prepare("SELECT coalesce(max(version), 0) FROM migrations");
      if (!newest) return std::unexpected(std::move(newest.error()));
      Result<bool> row = newest->step();
      if (!row) return std::unexpected(std::move(row.error()));
      version = newest->number(0);
    }
    auto newest_known = static_cast<int64_t>(migrations.size());
    if (version > newest_known) {
      Error newer{ErrorCode::kStore, Fault::kUs, Retry::kNever,
                  "the file was written by a newer version of this program"};
      return std::unexpected(Failure{std::move(newer), false});
    }
    Result<Statement> record = prepare("INSERT INTO migrations VALUES(?1, datetime('now'))");
    if (!record) return std::unexpected(std::move(record.error()));
    while (version < newest_known) {
      if (Result<void> done = execute(std::string(migrations[static_cast<size_t>(version)])); !done) return done;
      ++version;
      if (Result<void> done = record->bind(1, version).run(); !done) return done;
    }
    return execute("COMMIT");
  };
  Result<void> applied = apply();
  // The first failure is the one to report; that a rollback fails too changes nothing about it.
  if (!applied) (void)execute("ROLLBACK");
  return applied;
}

Result<void> checkpoint(const std::string& path) {
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  // A connection finds out that there is a log with its first read.
  if (code == SQLITE_OK) code = sqlite3_exec(handle, "SELECT 1 FROM sqlite_schema LIMIT 1", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) {
    code = sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }
  Result<void> result;
  if (code != SQLITE_OK) result = std::unexpected(failure_of(handle));
  sqlite3_close_v2(handle);
  return result;
}

Expected<std::string> move_aside(const std::string& path, std::string_view suffix) {
  std::string aside = path + ".corrupt-" + std::string(suffix);
  // The file last: a new one must never meet the log of the old one.
  for (const char* companion : {"-wal", "-shm"}) {
    if (::rename((path + companion).c_str(), (aside + companion).c_str()) != 0 && errno != ENOENT) {
      return system_error(path + companion);
    }
  }
  if (::rename(path.c_str(), aside.c_str()) != 0) return system_error(path);
  return aside;
}

}  // namespace baton::store
