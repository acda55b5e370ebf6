// CPU time of the processes under test, read by the driver itself so that it covers exactly the window in which it
// counts. Source: /proc/PID/task/TID/schedstat, first field, nanoseconds on a CPU
// (Documentation/scheduler/sched-stats.rst); /proc/stat for what the core did in all, in steps of 10 ms. A thread that
// ends inside the window is lost; none of the proxies has such.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace baton::load {

struct CoreTime {
  uint64_t busy_ns = 0;   // everything but idle and waiting for a disk
  uint64_t steal_ns = 0;  // taken by the host
};

class CpuMeter {
 public:
  // `core`: whose whole time is watched as well.
  CpuMeter(std::vector<uint64_t> pids, uint64_t core) : pids_(std::move(pids)), core_(core) {}
  void start();
  void stop();
  // A JSON object: window_ns, cpu_ns, threads by name (summed), core_busy_ns, core_steal_ns.
  std::string json() const;

 private:
  struct Thread {
    std::string name;
    uint64_t ns = 0;
  };
  using Sample = std::map<uint64_t, Thread>;  // by thread id
  Sample threads() const;
  CoreTime core_time() const;

  std::vector<uint64_t> pids_;
  uint64_t core_;
  Sample before_, after_;
  CoreTime core_before_, core_after_;
  uint64_t from_ns_ = 0, to_ns_ = 0;
};

}  // namespace baton::load
