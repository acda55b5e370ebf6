#include "store/bindings_file.h"

#include <unistd.h>

#include <algorithm>

#include "store/binding_list.h"

namespace baton::store {
namespace {

constexpr Migration kMigrations[] = {
    "CREATE TABLE bindings("
    "seq INTEGER PRIMARY KEY, "  // the order of last use
    "object_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, kind INTEGER NOT NULL, "
    "used_at INTEGER NOT NULL"  // ms since 1970
    ") STRICT",
};

// How many rows of those used least recently a save looks at for age.
constexpr int64_t kLookedAtPerSave = 8;

int64_t ms_of(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace

Result<BindingsFile> BindingsFile::open(const Database::Options& options, WallTime oldest) {
  Result<Database> database = Database::open(options, kMigrations);
  if (!database) return std::unexpected(std::move(database.error()));
  BindingsFile file(std::move(*database));
  if (Result<void> ready = file.prepare(); !ready) return std::unexpected(std::move(ready.error()));

  Result<Statement> check = file.database_.prepare("PRAGMA quick_check(1)");
  if (!check) return std::unexpected(std::move(check.error()));
  Result<bool> row = check->step();
  if (!row) return std::unexpected(std::move(row.error()));
  if (std::string said(check->text(0)); said != "ok") {
    return std::unexpected(Failure{Error{ErrorCode::kStore, Fault::kUs, Retry::kLater, said}, true});
  }

  Result<Statement> forget = file.database_.prepare("DELETE FROM bindings WHERE used_at < ?1");
  if (!forget) return std::unexpected(std::move(forget.error()));
  if (Result<void> done = forget->bind(1, ms_of(oldest)).run(); !done) return std::unexpected(std::move(done.error()));
  Result<Statement> count = file.database_.prepare("SELECT count(*) FROM bindings");
  if (!count) return std::unexpected(std::move(count.error()));
  row = count->step();
  if (!row) return std::unexpected(std::move(row.error()));
  file.count_ = static_cast<size_t>(count->number(0));
  count->reset();
  return file;
}

Result<void> BindingsFile::prepare() {
  const Database::Wanted wanted[] = {
      {begin_, "BEGIN IMMEDIATE"},
      {commit_, "COMMIT"},
      {rollback_, "ROLLBACK"},
      {insert_, "INSERT INTO bindings(object_id, account, kind, used_at) VALUES(?1, ?2, ?3, ?4)"},
      {find_, "SELECT account, kind, used_at FROM bindings WHERE object_id = ?1"},
      {forget_, "DELETE FROM bindings WHERE object_id = ?1"},
      {forget_old_,
       "DELETE FROM bindings WHERE used_at < ?1 AND seq IN (SELECT seq FROM bindings ORDER BY seq LIMIT ?2)"},
      {forget_first_, "DELETE FROM bindings WHERE seq IN (SELECT seq FROM bindings ORDER BY seq LIMIT ?1)"},
  };
  return database_.prepare_all(wanted);
}

Result<void> BindingsFile::run_delete(Statement& statement) {
  Result<void> done = statement.run();
  if (done) count_ -= std::min(count_, static_cast<size_t>(database_.changes()));
  return done;
}

Result<void> BindingsFile::save(std::span<const Binding* const> bindings, WallTime oldest, size_t count_max) {
  if (Result<void> done = begin_.run(); !done) return done;
  size_t count_before = count_;
  Result<void> saved = save_within(bindings, oldest, count_max);
  if (saved) saved = commit_.run();
  if (!saved) {
    (void)rollback_.run();  // SQLite may have done so itself
    count_ = count_before;
  }
  return saved;
}

Result<void> BindingsFile::save_within(std::span<const Binding* const> bindings, WallTime oldest, size_t count_max) {
  for (const Binding* binding : bindings) {
    if (Result<void> done = run_delete(forget_.bind(1, binding->object_id)); !done) return done;
    insert_.bind(1, binding->object_id).bind(2, binding->account).bind(3, static_cast<int64_t>(binding->kind));
    if (Result<void> done = insert_.bind(4, ms_of(binding->used)).run(); !done) return done;
    ++count_;
  }
  if (Result<void> done = run_delete(forget_old_.bind(1, ms_of(oldest)).bind(2, kLookedAtPerSave)); !done) return done;
  if (count_ <= count_max) return {};
  return run_delete(forget_first_.bind(1, static_cast<int64_t>(count_ - count_max)));
}

Result<std::optional<Binding>> BindingsFile::find(std::string_view object_id) {
  Result<bool> row = find_.bind(1, object_id).step();
  if (!row) return std::unexpected(std::move(row.error()));
  std::optional<Binding> found;
  if (*row) {
    found = Binding{.object_id = std::string(object_id),
                    .account = std::string(find_.text(0)),
                    .kind = static_cast<ObjectKind>(find_.number(1)),
                    .used = WallTime(std::chrono::milliseconds(find_.number(2)))};
  }
  find_.reset();
  return found;
}

Result<void> BindingsFile::forget(std::string_view object_id) { return run_delete(forget_.bind(1, object_id)); }

Expected<std::vector<Binding>> list_bindings(const std::string& folder, ObjectKind kind, size_t bindings_max) {
  const std::string path = folder + "/baton.db";
  std::vector<Binding> out;
  if (::access(path.c_str(), F_OK) != 0) return out;
  const auto failure = [&](const Failure& why) {
    return fail(ErrorCode::kStore, Fault::kUs, path + ": " + why.error.detail);
  };
  Result<Database> database = Database::open({.path = path, .checkpoints_on_commit = false}, kMigrations);
  if (!database) return failure(database.error());
  Result<Statement> query =
      database->prepare("SELECT object_id, account, used_at FROM bindings WHERE kind = ?1 ORDER BY seq DESC LIMIT ?2");
  if (!query) return failure(query.error());
  query->bind(1, static_cast<int64_t>(kind)).bind(2, static_cast<int64_t>(bindings_max));
  while (true) {
    Result<bool> row = query->step();
    if (!row) return failure(row.error());
    if (!*row) return out;
    out.push_back({.object_id = std::string(query->text(0)),
                   .account = std::string(query->text(1)),
                   .kind = kind,
                   .used = WallTime(std::chrono::milliseconds(query->number(2)))});
  }
}

}  // namespace baton::store
