// TraceThread: the exporter of traces on a thread and a loop of its own, with its own connection to the collector.
// Life: made for one set of settings, by the Tracer. Thread: construction and end() on whose it is.
#pragma once

#include <memory>

#include "app/loop_thread.h"
#include "metrics/relay_metrics.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "trace/exporter.h"
#include "upstream/connection_pool.h"
#include "upstream/endpoint.h"

namespace baton::app {

class TraceThread : public LoopThread {
 public:
  // kConfig with a sentence: the endpoint or the CA file cannot be used.
  static Expected<std::unique_ptr<TraceThread>> make(const trace::Config& config, metrics::TraceCounts& counts);
  ~TraceThread() { end(); }
  void begin();
  trace::Exporter& exporter() { return *exporter_; }
  // Exports what is left, for a moment, and stops.
  void end();

  // Use make().
  TraceThread(trace::Config config, metrics::TraceCounts& counts, upstream::Endpoint endpoint,
              std::unique_ptr<net::TlsClientContext> tls);

 private:
  const trace::Config config_;
  upstream::Endpoint endpoint_;
  std::unique_ptr<net::TlsClientContext> tls_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<runtime::Dialer> dialer_;
  upstream::Config upstream_;
  metrics::RelayMetrics own_metrics_;  // the collector is no upstream: its connections are counted apart, and not shown
  upstream::ConnectionPool pool_;
  std::unique_ptr<trace::Exporter> exporter_;
  runtime::Cancellation cancel_;
  runtime::TaskGroup tasks_;
};

}  // namespace baton::app
