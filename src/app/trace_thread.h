// TraceThread: the exporter of traces on a thread and a loop of its own, with its own connection to the collector.
// Life: made before the workers, ended after them. Thread: construction and end() on the app's.
#pragma once

#include <memory>

#include "app/loop_thread.h"
#include "app/shared.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "trace/exporter.h"
#include "upstream/connection_pool.h"
#include "upstream/endpoint.h"

namespace baton::app {

class TraceThread : public LoopThread {
 public:
  // kConfig with a sentence: the endpoint or the CA file cannot be used.
  static Expected<std::unique_ptr<TraceThread>> make(Shared& shared);
  ~TraceThread() { end(); }
  void begin();
  // Exports what is left, for a moment, and stops.
  void end();

  // Use make().
  TraceThread(Shared& shared, upstream::Endpoint endpoint, std::unique_ptr<net::TlsClientContext> tls);

 private:
  upstream::Endpoint endpoint_;
  std::unique_ptr<net::TlsClientContext> tls_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<runtime::Dialer> dialer_;
  upstream::Config upstream_;
  metrics::RelayMetrics own_metrics_;  // the collector is no upstream: its connections are counted apart, and not shown
  metrics::TraceCounts counts_;
  upstream::ConnectionPool pool_;
  std::unique_ptr<trace::Exporter> exporter_;
  runtime::Cancellation cancel_;
  runtime::TaskGroup tasks_;
};

}  // namespace baton::app
