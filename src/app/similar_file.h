// SimilarFile: keeps what similarity has learnt (similar::Memory) in <data_dir>/similar.state, so that a restart need
// not prove it anew. Written whole under another name and renamed, every kEvery when something has changed, and at the
// end. A file that cannot be used costs what it held, never the start. Life: in serve(). Thread: the app's main one.
// Bounds: that of a similar::MemoryState.
#pragma once

#include <optional>
#include <string>

#include "base/digest.h"
#include "runtime/clock.h"
#include "similar/memory.h"

namespace baton::app {

class SimilarFile {
 public:
  static constexpr Duration kEvery = std::chrono::minutes(1);
  static constexpr size_t kFileBytesMax = 4 * kMiB;

  explicit SimilarFile(const std::string& folder) : path_(folder + "/similar.state") {}

  // The sentence for the operator: what was taken over, or why nothing was; empty when there is no file.
  std::string restore(similar::Memory& memory, const runtime::Clock& clock);
  // What went wrong, or empty.
  std::string keep(const similar::Memory& memory, const runtime::Clock& clock, bool now_or_never = false);

 private:
  std::string path_;
  std::optional<Sha256> written_;
  Instant next_{};
};

}  // namespace baton::app
