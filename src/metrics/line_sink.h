// LineSink: a descriptor that is written without ever blocking the caller, whatever it is: a file, a terminal, a pipe
// nobody reads, a socket of the journal. The flags of a descriptor that other processes share are left alone.
// Life: owned by who writes. Thread: one at a time.
// Bounds: holds no bytes.
// A pipe whose reader has gone raises SIGPIPE, which the process must ignore; the write then gives an error.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/units.h"

namespace baton::metrics {

class LineSink {
 public:
  LineSink() = default;
  // Writes to a descriptor that stays the caller's.
  static LineSink borrow(int descriptor);
  // Appends to a file, made with mode 0640 if it is not there. kConfig when it cannot be opened.
  static Expected<LineSink> append_to(const std::string& path);

  LineSink(LineSink&& other) noexcept;
  LineSink& operator=(LineSink&& other) noexcept;
  ~LineSink();

  // Writes what can be taken at once and gives how much that was; 0 when it would block.
  // kStore: the sink is broken for now (no reader, disk full); later calls may succeed.
  Expected<size_t> write(std::string_view bytes);
  // Waits until a write may succeed, at most this long. True when it may.
  bool wait(Duration at_most);
  bool open() const { return descriptor_ >= 0; }

 private:
  enum class Kind : uint8_t { kFile, kOwnFlags, kSocket, kShared };
  LineSink(int descriptor, bool owned, Kind kind) : descriptor_(descriptor), owned_(owned), kind_(kind) {}

  int descriptor_ = -1;
  bool owned_ = false;
  Kind kind_ = Kind::kFile;
};

}  // namespace baton::metrics
