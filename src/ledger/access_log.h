// AccessLog: the bounded queue between the loops and the one thread that writes the access log.
// Life: made in app/ before the loops, ended after them. Ending writes what is queued, for at most kExitWait: a sink
// that nobody reads cannot keep the process alive. Thread: any.
// Bounds: Config::log_queue_bytes_max of lines wait; what comes on top is dropped and counted. A failing sink (disk
// full, reader gone) drops lines, counts them, says so in the operator's log and recovers by itself.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "ledger/config.h"
#include "metrics/log.h"
#include "metrics/relay_metrics.h"

namespace baton::ledger {

// Whole lines, each with its newline.
struct Lines {
  std::string bytes;
  uint64_t count = 0;
};

class AccessLog {
 public:
  static constexpr Duration kExitWait = std::chrono::milliseconds(600);

  // Opens the sink and starts the writer (no thread when the log is off). kConfig: the file cannot be opened.
  // Borrows metrics and log until it ends.
  static Expected<std::unique_ptr<AccessLog>> open(const Config& config, metrics::RelayMetrics& metrics,
                                                   metrics::Log& log);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  bool off() const { return writer_ == nullptr; }
  // Takes the lines and leaves `lines` empty but with room. Gives how many lines were dropped: all or none. Never
  // blocks on the sink.
  uint64_t hand_over(Lines& lines);
  // Opens the file anew after it was renamed (logrotate); other sinks stay as they are. Returns at once; on failure the
  // old file is kept and the operator's log says so.
  void reopen();

 private:
  class Writer;
  AccessLog();
  std::shared_ptr<Writer> writer_;  // shared with its thread, which may outlive this when the sink is stuck
  std::thread thread_;
};

}  // namespace baton::ledger
