#include "app/worker.h"

#include <array>

#include "base/digest.h"
#include "net/cares_resolver.h"
#include "net/dialer.h"
#include "net/tcp_listener.h"
#include "runtime/wait.h"

namespace baton::app {

namespace {

uint64_t seed() {
  std::array<uint8_t, 8> bytes;
  random_bytes(bytes);
  uint64_t value = 0;
  for (uint8_t b : bytes) value = value << 8 | b;
  return value;
}
}  // namespace

// Reports the loop's longest turn once a second.
struct Worker::Watchdog : runtime::Waiter {
  runtime::Timer timer;
  metrics::RelayMetrics::Shard* metrics = nullptr;

  Watchdog(runtime::Loop& on, metrics::RelayMetrics::Shard& shard) : metrics(&shard) {
    loop = &on;
    run = [](runtime::Wake& wake) {
      auto& self = static_cast<Watchdog&>(wake);
      self.metrics->loop_stalled(self.loop->take_longest_turn());
      self.arm();
    };
    arm();
  }
  ~Watchdog() {
    timer.disarm();
    loop->forget(*this);
  }
  void arm() {
    timer.slot.stand(*this, runtime::kTimedOut);
    loop->timers().arm(timer, loop->now() + std::chrono::seconds(1));
  }
};

Worker::Worker(Shared& shared, size_t index)
    : shared_(shared), random_(seed()), authenticator_(shared.settings.auth, &shared.keys) {
  const config::Settings& settings = shared.settings;
  auto& metrics = shared.metrics.shard(index);
  resolver_ =
      std::make_unique<net::CaresResolver>(loop_, poller_,
                                           net::CaresOptions{.cache = {.refresh = settings.upstream.dns_refresh,
                                                                       .stale_max = settings.upstream.dns_stale_max}});
  std::vector<relay::Line> lines;
  for (size_t i = 0; i < settings.accounts.accounts.size(); ++i) {
    const auto& account = settings.accounts.accounts[i];
    const auto& endpoint = shared.endpoints[i];
    dialers_.push_back(net::make_tcp_dialer(loop_, poller_, *resolver_,
                                            {.target = endpoint.target,
                                             .connect_timeout = settings.upstream.connect_timeout,
                                             .tls_handshake_timeout = settings.upstream.tls_handshake_timeout,
                                             .address_stagger = settings.upstream.address_stagger,
                                             .tls = shared.client_tls[i].get(),
                                             .proxy_url = account.proxy,
                                             .allow_private = account.allow_private}));
    pools_.push_back(std::make_unique<upstream::ConnectionPool>(loop_, *dialers_.back(), settings.upstream, metrics));
    lines.push_back({.party = {.endpoint = &endpoint,
                               .key = account.passthrough ? nullptr : &account.key,
                               .show_rate_limits = account.show_rate_limits,
                               .simulated = account.provider == "simulator"},
                     .connections = pools_.back().get()});
  }
  ledger_ = std::make_unique<ledger::Ledger>(loop_, metrics, *shared.access_log, shared.book.get());
  bool tls = false;
  for (const auto& listener : settings.edge.listen) tls = tls || listener.tls.set();
  relay_ = std::make_unique<relay::Relay>(relay::Parts{.loop = loop_,
                                                       .random = random_,
                                                       .authenticator = authenticator_,
                                                       .accounts = shared.accounts,
                                                       .attempts_max = settings.accounts.attempts_max,
                                                       .lines = std::move(lines),
                                                       .upstream = settings.upstream,
                                                       .stream = settings.stream,
                                                       .write_stall = settings.edge.write_stall_timeout,
                                                       .reply_bytes = shared.reply_bytes,
                                                       .bindings = shared.bindings,
                                                       .metrics = metrics,
                                                       .ledger = *ledger_,
                                                       .tap_room = tap_room_,
                                                       .budgets = shared.budgets.get(),
                                                       .replies = shared.replies.get(),
                                                       .public_url = settings.public_url,
                                                       .tls = tls,
                                                       .simulated = settings.simulated});
  server_ = std::make_unique<edge::Server>(edge::Server::Parts{.loop = loop_,
                                                               .config = settings.edge,
                                                               .handler = *relay_,
                                                               .request_bytes = shared.request_bytes,
                                                               .connections = shared.connections,
                                                               .metrics = &metrics});
  watchdog_ = std::make_unique<Watchdog>(loop_, metrics);
}

Worker::~Worker() { end(); }

void Worker::end() {
  loop_.post([this] { server_->cut(); });
  finish([this] { return server_->settled(); });
  ledger_->flush();
}

Expected<void> Worker::listen(std::vector<uint16_t>& bound_ports) {
  const auto& listeners = shared_.settings.edge.listen;
  for (size_t i = 0; i < listeners.size(); ++i) {
    const auto& one = listeners[i];
    net::ListenOptions options{.address = one.address,
                               .port = bound_ports.size() > i ? bound_ports[i] : one.port,
                               .reuse_port = true,
                               .tls = shared_.server_tls[i].get()};
    if (one.proxy_protocol) {
      for (const auto& text : shared_.settings.auth.trusted_proxies) {
        if (auto cidr = net::Cidr::parse(text)) options.proxy_protocol_from.push_back(*cidr);
      }
    }
    if (bound_ports.size() <= i && one.port != 0) {
      // Loops share the port among themselves, never with another process: it could be one that serves something else.
      net::ListenOptions alone = options;
      alone.reuse_port = false;
      auto probe = net::listen_tcp(loop_, poller_, alone);
      if (!probe) return std::unexpected(probe.error());
      (*probe)->close();
    }
    auto listener = net::listen_tcp(loop_, poller_, options);
    if (!listener) return std::unexpected(listener.error());
    if (bound_ports.size() <= i) bound_ports.push_back((*listener)->port());
    server_->listen(std::move(*listener));
  }
  return {};
}

void Worker::drain(std::atomic<size_t>& left) {
  loop_.post([this, &left] {
    server_->drain();
    drained_.loop = &loop_;
    drained_.left = &left;
    drained_.run = [](runtime::Wake& wake) {
      auto& self = static_cast<Drained&>(wake);
      self.left->fetch_sub(1);
      self.left->notify_all();
    };
    if (server_->settled()) {
      drained_.run(drained_);
    } else {
      server_->empty().stand(drained_, runtime::kNotified);
    }
  });
}

void Worker::cut() {
  loop_.post([this] { server_->cut(); });
}

}  // namespace baton::app
