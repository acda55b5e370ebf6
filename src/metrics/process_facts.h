// What the kernel says about this process, for the process_* metrics.
// Thread: any.
// Bounds: a few small files of /proc; listing descriptors is avoided where the kernel counts them (Linux 6.2 and
// later).
// Source: proc(5); names and units as Prometheus client libraries have them.
#pragma once

#include <cstdint>

namespace baton::metrics {

// A fact that cannot be read is 0.
struct ProcessFacts {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since 1970
  double resident_memory_bytes = 0;
  double virtual_memory_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double threads = 0;
};

ProcessFacts process_facts();

}  // namespace baton::metrics
