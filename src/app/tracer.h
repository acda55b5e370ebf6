// Tracer: where sampled calls go as they end: to the exporter of the settings in force, or nowhere. A reload puts
// another exporter in its place; what the one before still holds leaves for where it was meant. Life: in serve(),
// around the loops. Thread: offer() any; prepare(), use() and end() one at a time, none of a loop. Bounds: a call that
// is not sampled costs a comparison; one that is, a short mutex and a copy.
#pragma once

#include <memory>
#include <mutex>

#include "app/trace_thread.h"
#include "metrics/relay_metrics.h"
#include "model/outcome.h"
#include "trace/config.h"

namespace baton::app {

class Tracer {
 public:
  // Its counts are shown from now on, over all exporters.
  explicit Tracer(metrics::RelayMetrics& metrics) { metrics.watch_traces(counts_); }

  // A closed call.
  void offer(const model::Outcome& call) {
    if (call.trace.sampled) hand_over(call);
  }

  // An exporter for these settings, null where they name no endpoint. kConfig with a sentence when that cannot be used.
  Expected<std::unique_ptr<TraceThread>> prepare(const trace::Config& config);
  // Begins `next` in place of the one before, which exports what it holds, for a moment: the caller waits for that.
  void use(std::unique_ptr<TraceThread> next);
  // The last one exports what it holds.
  void end() { use(nullptr); }

 private:
  void hand_over(const model::Outcome& call);

  metrics::TraceCounts counts_;
  std::mutex mutex_;
  std::unique_ptr<TraceThread> thread_;
};

// Whether one exporter does for both. A CA file may have changed under its name.
bool same_traces(const trace::Config& a, const trace::Config& b);

}  // namespace baton::app
