// RedisCounts: what happens to kept replies that several relays share in Redis. Counted by all loops, shown by
// redis_page.cc. Life: as long as the RelayMetrics that show it. Thread: any.
#pragma once

#include <atomic>
#include <cstdint>

namespace baton::metrics {

struct RedisCounts {
  std::atomic<int64_t> connections{0};  // that work
  std::atomic<int64_t> waiting{0};      // calls that wait for another relay's
  std::atomic<uint64_t> hits{0};
  std::atomic<uint64_t> misses{0};
  std::atomic<uint64_t> timeouts{0};  // answers that did not come in time
  std::atomic<uint64_t> errors{0};    // answers that were errors or nothing that can be read
  std::atomic<uint64_t> refused{0};   // commands for which the queue had no room
  std::atomic<uint64_t> opened{0};    // times that a connection was given up
  std::atomic<uint64_t> unusable{0};  // values that were damaged, foreign, too old or taken out
  std::atomic<uint64_t> stored{0};
  std::atomic<uint64_t> bytes_sent{0};
  std::atomic<uint64_t> bytes_received{0};
  std::atomic<uint64_t> waits_served{0};  // what became of such calls
  std::atomic<uint64_t> waits_over{0};
  std::atomic<uint64_t> purges_sent{0};
  std::atomic<uint64_t> purges_learnt{0};
};

}  // namespace baton::metrics
