// Exporter: takes closed calls that are to be traced, and sends them to an OTLP/HTTP collector in batches. A loop only
// copies an Outcome under a short mutex; all the rest happens on the exporter's own loop.
// Life: made in app/, outlives the loops that offer; run() is cancelled and has returned before it goes. Thread:
// offer() any; run() its loop's. Bounds: Config::queue_calls_max calls wait, more are dropped and counted;
// kBatchCallsMax in an export; kTriesMax tries of it, then its calls are dropped and counted. Source: OTLP 1.3,
// OTLP/HTTP request, response and retry (read 2026-11).
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "metrics/relay_metrics.h"
#include "model/outcome.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "trace/config.h"
#include "upstream/connection_pool.h"
#include "upstream/endpoint.h"

namespace baton::trace {

class Exporter {
 public:
  struct Parts {
    runtime::Loop& loop;
    upstream::ConnectionPool& connections;
    const upstream::Endpoint& endpoint;
    const Config& config;
    metrics::TraceCounts& counts;
    std::string version;
    std::string instance;
  };
  explicit Exporter(Parts parts) : parts_(std::move(parts)) {}

  // A call whose trace is sampled; others are ignored.
  void offer(const model::Outcome& call);
  // Exports until cancelled, then once more what is left, within kLastTries.
  runtime::Task<void> run(runtime::Cancellation& cancel);

 private:
  enum class Sent : uint8_t { kTaken, kAgain, kRefused };
  std::vector<model::Outcome> take();
  runtime::Task<void> deliver(std::vector<model::Outcome> calls, runtime::Cancellation& cancel);
  runtime::Task<Sent> send(const std::string& body, Instant until, runtime::Cancellation& cancel);
  std::string head(size_t body_bytes) const;

  Parts parts_;
  Instant last_until_{};  // set once the process ends
  std::mutex mutex_;
  std::vector<model::Outcome> waiting_;
};

}  // namespace baton::trace
