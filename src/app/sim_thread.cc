#include "app/sim_thread.h"

#include "net/tcp_listener.h"

namespace baton::app {

SimThread::SimThread(const sim::Config& config, bool standalone)
    : simulator_(config),
      handler_(simulator_, {.standalone = standalone}),
      server_({.loop = loop_,
               .config = edge_,
               .handler = handler_,
               .request_bytes = request_bytes_,
               .connections = connections_}) {}

SimThread::~SimThread() { end(); }

Expected<uint16_t> SimThread::listen(const edge::ListenConfig& where) {
  auto listener = net::listen_tcp(loop_, poller_, {.address = where.address, .port = where.port});
  if (!listener) return std::unexpected(listener.error());
  uint16_t port = (*listener)->port();
  server_.listen(std::move(*listener));
  return port;
}

void SimThread::end() {
  loop_.post([this] { server_.cut(); });
  finish([this] { return server_.settled(); });
}

}  // namespace baton::app
