#include "app/trace_thread.h"

#include "base/digest.h"
#include "net/cares_resolver.h"
#include "net/dialer.h"

namespace baton::app {
namespace {

std::string random_name() {
  std::array<uint8_t, 8> bytes;
  random_bytes(bytes);
  return hex(bytes);
}

}  // namespace

Expected<std::unique_ptr<TraceThread>> TraceThread::make(const trace::Config& config, metrics::TraceCounts& counts) {
  auto endpoint = upstream::parse_endpoint(config.endpoint);
  if (!endpoint) return fail(ErrorCode::kConfig, Fault::kUs, "tracing.endpoint: " + endpoint.error().detail);
  std::unique_ptr<net::TlsClientContext> tls;
  if (endpoint->target.tls) {
    auto context = net::TlsClientContext::make({.ca_file = config.ca_file});
    if (!context) return fail(ErrorCode::kConfig, Fault::kUs, "tracing: " + context.error().detail);
    tls = std::move(*context);
  }
  return std::make_unique<TraceThread>(config, counts, std::move(*endpoint), std::move(tls));
}

TraceThread::TraceThread(trace::Config config, metrics::TraceCounts& counts, upstream::Endpoint endpoint,
                         std::unique_ptr<net::TlsClientContext> tls)
    : config_(std::move(config)),
      endpoint_(std::move(endpoint)),
      tls_(std::move(tls)),
      resolver_(std::make_unique<net::CaresResolver>(loop_, poller_, net::CaresOptions{})),
      dialer_(net::make_tcp_dialer(loop_, poller_, *resolver_,
                                   {.target = endpoint_.target,
                                    .connect_timeout = std::chrono::seconds(1),  // also at the very end
                                    .tls_handshake_timeout = std::chrono::seconds(1),
                                    .tls = tls_.get(),
                                    .allow_private = true})),
      own_metrics_({.accounts = {}, .loops = 1, .version = BATON_VERSION}),
      pool_(loop_, *dialer_, upstream_, own_metrics_.shard(0)),
      exporter_(std::make_unique<trace::Exporter>(trace::Exporter::Parts{.loop = loop_,
                                                                         .connections = pool_,
                                                                         .endpoint = endpoint_,
                                                                         .config = config_,
                                                                         .counts = counts,
                                                                         .version = BATON_VERSION,
                                                                         .instance = random_name()})) {}

void TraceThread::begin() {
  loop_.post([this] { tasks_.spawn(exporter_->run(cancel_)); });
  start("baton-traces");
}

void TraceThread::end() {
  if (!thread_.joinable()) return;
  loop_.post([this] { cancel_.cancel(runtime::CancelReason::kDrain); });
  finish([this] { return tasks_.size() == 0; });
}

}  // namespace baton::app
