// MemoryWatch: compares the process's resident size with `max_memory` and sets the pressure. Near the limit what the
// heap has freed is first given back to the system, so that only what is in use counts.
// Life: in serve(). Thread: the app's main one. Bounds: a look reads one line of /proc; the heap is trimmed at most
// once in kTrimEvery.
#pragma once

#include "base/memory_pressure.h"
#include "base/units.h"
#include "metrics/log.h"
#include "net/fd.h"

namespace baton::app {

class MemoryWatch {
 public:
  static constexpr Duration kEvery = std::chrono::milliseconds(50);
  static constexpr Duration kTrimEvery = std::chrono::seconds(1);

  // `limit` 0: nothing is watched.
  MemoryWatch(size_t limit, MemoryPressure& pressure, metrics::Log& log);
  bool watches() const { return limit_ != 0 && statm_; }
  void look(Instant now);

 private:
  size_t resident() const;

  const size_t limit_;
  MemoryPressure& pressure_;
  metrics::Log& log_;
  net::Fd statm_;
  Instant next_trim_{};
};

}  // namespace baton::app
