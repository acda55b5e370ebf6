// PoolFile: keeps what the pool knows (accounts::PoolMemory) in <data_dir>/pool.jsonl, so that a restart forgets no
// park, bench, limit or conversation. Written whole under another name and renamed, every few seconds when something
// has changed, and at the end. A file that is broken, of another version or too old costs what it held, never the
// start.
// Life: in serve(). Thread: the app's main one. Bounds: that of a PoolMemory, kFileBytesMax.
#pragma once

#include <optional>
#include <string>

#include "accounts/pool.h"
#include "base/digest.h"
#include "metrics/log.h"

namespace baton::app {

class PoolFile {
 public:
  static constexpr Duration kEvery = std::chrono::seconds(5);
  static constexpr Duration kAgeMax = std::chrono::hours(31 * 24);
  static constexpr size_t kFileBytesMax = 16 * kMiB;

  explicit PoolFile(const std::string& folder) : path_(folder + "/pool.jsonl") {}

  // Gives the pool what the file holds. The sentence for the operator: what was taken over, or why nothing was.
  std::string restore(accounts::AccountPool& pool, const runtime::Clock& clock);
  // Writes when kEvery has passed and something changed; always with `now_or_never`. What went wrong, or empty.
  std::string keep(const accounts::AccountPool& pool, Instant now, bool now_or_never = false);

 private:
  std::string path_;
  std::optional<Sha256> written_;
  Instant next_{};
};

}  // namespace baton::app
