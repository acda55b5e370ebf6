// AuditHead: how far the audit log reached when it was last written: its number of entries and the last one's hash, in
// <data_dir>/audit.db beside it. A log that ends before that was cut off. Who can write both files can change both: the
// relay also says the head at each start, for whoever keeps its log elsewhere.
// Life: functions of the AuditLog, while it holds the log's lock. Thread: any but a loop's. Bounds: one row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/units.h"

namespace baton::admin {

struct AuditHead {
  uint64_t entries = 0;
  std::string hash;
};

// Nothing: no head was ever kept there. kStore.
Expected<std::optional<AuditHead>> read_audit_head(const std::string& folder);
Expected<void> keep_audit_head(const std::string& folder, const AuditHead& head, WallTime now);

}  // namespace baton::admin
