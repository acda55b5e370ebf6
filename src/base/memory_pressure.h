// MemoryPressure: how near the process is to the memory that it may use (`max_memory`). From 92 % on no connection is
// kept for another call, from 95 % on new calls are refused; it goes back a hundredth below, so that it does not
// flicker.
// Life: one per process, outlives the loops. Thread: set by one, read by any. Source: Envoy's overload manager has the
// same two thresholds.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace baton {

class MemoryPressure {
 public:
  enum class Level : uint8_t { kNone, kNoKeepAlive, kRefuse };

  Level level() const { return level_.load(std::memory_order_relaxed); }
  void set(Level level) { level_.store(level, std::memory_order_relaxed); }
  bool ends_keep_alive() const { return level() >= Level::kNoKeepAlive; }
  bool refuses() const { return level() == Level::kRefuse; }

  // Pure. Without a limit (0) there is no pressure.
  static Level level_of(size_t used, size_t limit, Level before) {
    if (limit == 0) return Level::kNone;
    // The share in thousandths from which a level holds that did not hold, and down to which it goes on.
    const auto holds = [&](Level level, size_t from) {
      return used / 1000 >= limit / 1000 * (before >= level ? from - 10 : from) / 1000;
    };
    if (holds(Level::kRefuse, 950)) return Level::kRefuse;
    return holds(Level::kNoKeepAlive, 920) ? Level::kNoKeepAlive : Level::kNone;
  }

 private:
  std::atomic<Level> level_{Level::kNone};
};

}  // namespace baton
