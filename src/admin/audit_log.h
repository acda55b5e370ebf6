// AuditLog: who changed what through the operator's port or with `baton keys`, in <data_dir>/audit.log: one JSON object
// per line, each with the hash of the one before it and its own (SHA-256 over its bytes without the hash itself), so
// that an entry cannot be changed, taken out or put in between without every later hash being wrong. That none was cut
// off at the end is known by the head kept beside it (audit_head.h).
// Life: a value with a path; each append opens the file. Thread: any but a loop's: it waits for the disk. Several
// processes may append, one at a time (flock). Bounds: an entry is at most kEntryBytesMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/units.h"

namespace baton::admin {

inline constexpr std::string_view kAuditFile = "audit.log";
inline constexpr size_t kAuditTextBytesMax = 256;  // of each text of an entry
inline constexpr size_t kEntryBytesMax = 8192;

struct AuditEntry {
  std::string_view who;      // the token's name, or the user who ran `baton`
  std::string_view role;     // "read", "operate", "terminal"
  std::string_view action;   // "accounts.drain"
  std::string_view target;   // what it was done to
  std::string_view outcome;  // "ok", or why not
};

// How far a log's chain holds.
struct AuditState {
  uint64_t entries = 0;
  std::string last_hash;    // of the last whole entry
  uint64_t wrong_line = 0;  // the first that does not fit, from 1; 0: all do
  std::string why;
  // By the head: so many entries are missing at the end; or the last one it knows is another.
  uint64_t missing = 0;
  bool replaced = false;
  bool whole() const { return wrong_line == 0 && missing == 0 && !replaced; }
};

class AuditLog {
 public:
  explicit AuditLog(std::string folder) : folder_(std::move(folder)), path_(folder_ + "/" + std::string(kAuditFile)) {}

  // On the disk when it returns. kStore: it is not.
  Expected<void> append(const AuditEntry& entry, WallTime now) const;
  // Reads the whole file; no file is an empty log. kStore: not readable.
  Expected<AuditState> verify() const;
  // The last entries as they stand, the latest first, `entries_max` at most.
  Expected<std::vector<std::string>> latest(size_t entries_max) const;
  const std::string& path() const { return path_; }

 private:
  std::string folder_;
  std::string path_;
};

}  // namespace baton::admin
