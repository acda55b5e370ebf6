#include "app/data_place.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdio>

#include "admin/audit_log.h"

namespace baton::app {

int cannot(const std::string& why, int code) {
  std::fprintf(stderr, "baton: %s\n", why.c_str());
  return code;
}

std::optional<ledger::Place> place_of(const DataFolder& data) {
  if (data.path) return ledger::Place(*data.path);
  auto settings = config::load(data.load);
  if (settings) return ledger::Place(settings->data_dir, settings->ledger.database);
  std::fprintf(stderr, "%s\n", settings.error().text().c_str());
  return std::nullopt;
}

void note_change(const std::string& folder, std::string_view action, std::string_view target, WallTime now) {
  const passwd* user = ::getpwuid(::geteuid());
  const std::string who = user != nullptr ? user->pw_name : std::to_string(::geteuid());
  const auto done = admin::AuditLog(folder).append(
      {.who = who, .role = "terminal", .action = action, .target = target, .outcome = "ok"}, now);
  if (!done) std::fprintf(stderr, "baton: done, but not written into the audit log: %s\n", done.error().detail.c_str());
}

}  // namespace baton::app
