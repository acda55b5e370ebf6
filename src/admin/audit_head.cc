#include "admin/audit_head.h"

#include <unistd.h>

#include "store/database.h"

namespace baton::admin {
namespace {

constexpr store::Migration kMigrations[] = {
    "CREATE TABLE head("
    "one INTEGER PRIMARY KEY CHECK(one = 1), entries INTEGER NOT NULL, hash TEXT NOT NULL, "
    "written_at INTEGER NOT NULL"  // ms since 1970
    ") STRICT",
};
constexpr Duration kBusyTimeout = std::chrono::seconds(2);

std::string path_of(const std::string& folder) { return folder + "/audit.db"; }

std::unexpected<Error> failure(const std::string& folder, const store::Failure& why) {
  return fail(ErrorCode::kStore, Fault::kUs, path_of(folder) + ": " + why.error.detail);
}

store::Result<store::Database> open(const std::string& folder) {
  return store::Database::open({.path = path_of(folder), .busy_timeout = kBusyTimeout}, kMigrations);
}

}  // namespace

Expected<std::optional<AuditHead>> read_audit_head(const std::string& folder) {
  if (::access(path_of(folder).c_str(), F_OK) != 0) return std::nullopt;
  auto database = open(folder);
  if (!database) return failure(folder, database.error());
  auto query = database->prepare("SELECT entries, hash FROM head");
  if (!query) return failure(folder, query.error());
  auto row = query->step();
  if (!row) return failure(folder, row.error());
  if (!*row) return std::nullopt;
  return AuditHead{static_cast<uint64_t>(query->number(0)), std::string(query->text(1))};
}

Expected<void> keep_audit_head(const std::string& folder, const AuditHead& head, WallTime now) {
  auto database = open(folder);
  if (!database) return failure(folder, database.error());
  auto write = database->prepare("INSERT OR REPLACE INTO head VALUES(1, ?1, ?2, ?3)");
  if (!write) return failure(folder, write.error());
  auto done = write->bind(1, static_cast<int64_t>(head.entries))
                  .bind(2, std::string_view(head.hash))
                  .bind(3, now.time_since_epoch().count())
                  .run();
  if (!done) return failure(folder, done.error());
  return {};
}

}  // namespace baton::admin
