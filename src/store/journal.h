// Journal: records that must outlive a killed process before they stand in a database: an append is a copy into a
// mapped file, and the kernel keeps its pages when the process dies. No system call, no wait for the disk: what a power
// cut takes is the last seconds. A record lives as long as somebody holds its Keep. A segment of which nothing is held
// any more is used again or removed; so after an end in order no file is left, and what is found at a start is what was
// not taken over elsewhere. Life: one Journal per process, which outlives its Writers and all Keeps; one Writer per
// loop. Thread: Journal and Keeps any, a Writer its loop's. Bounds: segments of kSegmentBytes, of which kSparesMax wait
// for use; as many as hold records that are kept: who keeps bounds them. A record is at most kRecordBytesMax.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace baton::store {

class Journal {
 public:
  static constexpr size_t kSegmentBytes = 1024 * 1024;
  static constexpr size_t kRecordBytesMax = 64 * 1024;
  static constexpr size_t kSparesMax = 8;

  // Keeps a record's segment. Copies are cheap; the last one may be dropped on any thread.
  using Keep = std::shared_ptr<const void>;
  // What kind a record is of, who wrote it knows. 0 is none.
  using Kind = uint8_t;

  // kStore: the folder cannot be written. Files of former processes are left as they are.
  static Expected<std::unique_ptr<Journal>> open(const std::string& folder);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Calls `visit` for the records that former processes left, in the order in which each loop wrote them, and gives the
  // files. Half a record at a file's end is left out. Files of a process that lives are its own, unless kAll is asked
  // for.
  enum class Which : uint8_t { kLeft, kAll };
  static Expected<std::vector<std::string>> read(const std::string& folder,
                                                 const std::function<void(Kind kind, std::string_view bytes)>& visit,
                                                 Which which = Which::kLeft);
  // Once what they held stands elsewhere.
  static void remove(const std::vector<std::string>& files);

  // Files of former processes whose records are being taken over: removed when the Keep is dropped, unless the journal
  // was abandoned before. The journal outlives it.
  Keep adopt(std::vector<std::string> files);

  // From now on nothing is removed any more: what is kept now could not be taken over, and is read at the next start.
  void abandon();
  // Bytes of all segments there are.
  size_t bytes() const;

  class Writer {
   public:
    explicit Writer(Journal& journal) : journal_(&journal) {}
    // kStore when no segment can be had: the disk is full.
    Expected<Keep> append(Kind kind, std::string_view bytes);

   private:
    Journal* journal_;
    std::shared_ptr<struct JournalSegment> segment_;
  };

 private:
  friend struct JournalSegment;
  explicit Journal(std::string folder) : folder_(std::move(folder)) {}
  Expected<std::shared_ptr<struct JournalSegment>> take();
  void give_back(struct JournalSegment& segment);

  struct Spare {
    char* bytes = nullptr;
    int file = -1;  // locked for as long as the process lives
    std::string path;
  };
  const std::string folder_;
  mutable std::mutex mutex_;
  std::vector<Spare> spares_;
  uint64_t made_ = 0;
  uint64_t generation_ = 0;
  size_t segments_ = 0;
  bool abandoned_ = false;
};

}  // namespace baton::store
