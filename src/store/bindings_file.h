// BindingsFile: the table of bindings in its SQLite file. Rows are in the order of their last use; each save also lets
// go of a few that are too old or too many, so that no call ever has a lot to tidy.
// Life: a member of IdBindings, replaced when the file is corrupt. Thread: its owner's mutex.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/recent_bindings.h"

namespace baton::store {

class BindingsFile {
 public:
  // Opens or makes the file, checks that it is whole, and forgets what was last used before `oldest`.
  static Result<BindingsFile> open(const Database::Options& options, WallTime oldest);

  // All or none. Afterwards at most `count_max` rows are there.
  Result<void> save(std::span<const Binding* const> bindings, WallTime oldest, size_t count_max);
  Result<std::optional<Binding>> find(std::string_view object_id);
  Result<void> forget(std::string_view object_id);
  size_t size() const { return count_; }

 private:
  explicit BindingsFile(Database database) : database_(std::move(database)) {}
  Result<void> prepare();
  Result<void> save_within(std::span<const Binding* const> bindings, WallTime oldest, size_t count_max);
  // Runs a statement that deletes and keeps the count.
  Result<void> run_delete(Statement& statement);

  Database database_;  // before the statements, which must go first
  Statement begin_, commit_, rollback_, insert_, find_, forget_, forget_old_, forget_first_;
  size_t count_ = 0;
};

}  // namespace baton::store
