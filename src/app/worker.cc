#include "app/worker.h"

#include <algorithm>
#include <array>

#include "app/tracer.h"
#include "base/digest.h"
#include "net/activation.h"
#include "net/cares_resolver.h"
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

// Reports the loop's longest turn once a second, and what the listeners had no descriptor for.
struct Worker::Watchdog : runtime::Waiter {
  runtime::Timer timer;
  Worker* worker = nullptr;

  explicit Watchdog(Worker& of) : worker(&of) {
    loop = &of.loop_;
    run = [](runtime::Wake& wake) {
      auto& self = static_cast<Watchdog&>(wake);
      Worker& worker = *self.worker;
      worker.metrics_.loop_stalled(self.loop->take_longest_turn());
      for (Listening& one : worker.listening_) {
        const uint64_t refused = one.listener->refused();
        worker.metrics_.connections_refused(refused - std::exchange(one.refused_counted, refused));
      }
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
    : shared_(shared),
      index_(index),
      metrics_(shared.metrics.shard(index)),
      random_(seed()),
      resumables_(loop_, shared.resumables, metrics_),
      refreshes_({.loop = loop_,
                  .request_bytes = shared.request_bytes,
                  .reply_bytes = shared.reply_bytes,
                  .metrics = metrics_,
                  .foresight = shared.foresight.get(),
                  .relay = [this]() -> relay::Relay& { return service_->relay(); }}),
      keep_warm_({.loop = loop_,
                  .request_bytes = shared.request_bytes,
                  .bytes = shared.warm_bytes,
                  .metrics = metrics_,
                  .warmth = shared.warmth.get(),
                  .budgets = shared.budgets.get(),
                  .relay = [this]() -> relay::Relay& { return service_->relay(); }}) {
  const config::Settings& settings = shared.settings;
  resolver_ =
      std::make_unique<net::CaresResolver>(loop_, poller_,
                                           net::CaresOptions{.cache = {.refresh = settings.upstream.dns_refresh,
                                                                       .stale_max = settings.upstream.dns_stale_max}});
  ledger_ =
      std::make_unique<ledger::Ledger>(loop_, metrics_, *shared.access_log, shared.book.get(), shared.journal.get());
  ledger_->observe([this, &traces = *shared.traces](const model::Outcome& call) {
    shared_.live.offer(call, loop_.now());
    traces.offer(call);
  });
  if (shared.shared_cache) {
    shared_cache_ = std::make_unique<SharedCacheLoop>(
        *shared.shared_cache, SharedCacheLoop::Parts{.loop = loop_,
                                                     .poller = poller_,
                                                     .resolver = *resolver_,
                                                     .random = random_,
                                                     .content_bytes_max = shared.replies->content_bytes_max(),
                                                     .tells_purges = index == 0});
    shared_cache_->begin(background_);
  }
  edge_ = settings.edge;
  use(shared.current());
  server_ = std::make_unique<edge::Server>(edge::Server::Parts{.loop = loop_,
                                                               .config = edge_,
                                                               .handler = *this,
                                                               .request_bytes = shared.request_bytes,
                                                               .connections = shared.connections,
                                                               .pressure = &shared.pressure,
                                                               .metrics = &metrics_});
  watchdog_ = std::make_unique<Watchdog>(*this);
  // One loop probes for all.
  if (index != 0) return;
  prober_ = net::make_prober(loop_, poller_, *resolver_, {.timeout = settings.accounts.probes.timeout});
  background_.spawn(probe_rounds(loop_, random_, *prober_, [&shared] { return shared.current(); }, background_cancel_));
}

Worker::~Worker() { end(); }

void Worker::end() {
  loop_.post([this] {
    server_->cut();
    refreshes_.cut();
    keep_warm_.cut();
  });
  loop_.post([this] {
    service_->retire();
    background_cancel_.cancel(runtime::CancelReason::kDrain);
    if (shared_cache_) shared_cache_->end();
  });
  finish(
      [this] { return server_->settled() && refreshes_.settled() && keep_warm_.settled() && background_.size() == 0; });
  ledger_->flush();
}

void Worker::use(std::shared_ptr<Revision> revision) {
  edge_ = revision->settings.edge;
  if (service_) service_->retire();
  service_ = Service::make(shared_, std::move(revision),
                           {.loop = loop_,
                            .poller = poller_,
                            .resolver = *resolver_,
                            .random = random_,
                            .ledger = *ledger_,
                            .tap_room = tap_room_,
                            .resumables = resumables_,
                            .refreshes = refreshes_,
                            .shared_replies = shared_cache_ ? &shared_cache_->replies() : nullptr,
                            .keep_warm = keep_warm_,
                            .metrics = metrics_,
                            .background = background_});
}

runtime::Task<void> Worker::serve(edge::Exchange& exchange) { return service_->relay().serve(exchange); }

edge::Refusal Worker::refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) {
  return service_->relay().refuse(head_error, error, peer_address);
}

net::ListenOptions Worker::listen_options(const edge::ListenConfig& one, const config::Settings& settings) const {
  net::ListenOptions options{
      .address = one.address, .port = one.port, .reuse_port = true, .tls = shared_.server_tls.find(one.tls)};
  if (one.proxy_protocol) {
    for (const auto& text : settings.auth.trusted_proxies) {
      if (auto cidr = net::Cidr::parse(text)) options.proxy_protocol_from.push_back(*cidr);
    }
  }
  return options;
}

Expected<void> Worker::prepare_listeners(const config::Settings& settings, BoundPorts& ports, Inherited* inherited) {
  opening_.clear();
  if (server_->draining()) return fail(ErrorCode::kConfig, Fault::kUs, "the relay is stopping");
  const auto take = [&](const edge::ListenConfig& one, std::unique_ptr<net::TcpListener> listener) {
    ports[{one.address, one.port}] = listener->port();
    opening_.push_back(
        {.address = one.address, .port = one.port, .listener = listener.get(), .owned = std::move(listener)});
  };
  for (const auto& one : settings.edge.listen) {
    const size_t before = opening_.size();
    for (const Listening& known : listening_) {
      if (known.is(one))
        opening_.push_back({.address = one.address,
                            .port = one.port,
                            .listener = known.listener,
                            .refused_counted = known.refused_counted});
    }
    if (opening_.size() > before) continue;
    net::ListenOptions options = listen_options(one, settings);
    if (inherited != nullptr) {
      for (net::Fd& fd : inherited->share(Inherited::Role::kCalls, one, index_, shared_.loops)) {
        auto listener = net::adopt_listener(loop_, poller_, std::move(fd), options);
        if (!listener) return std::unexpected(listener.error());
        take(one, std::move(*listener));
      }
      if (opening_.size() > before) continue;
    }
    const auto bound = ports.find({one.address, one.port});
    if (bound != ports.end()) {
      options.port = bound->second;
    } else if (one.port != 0 && std::ranges::none_of(ports, [&](const auto& p) { return p.second == one.port; })) {
      // Loops share the port among themselves, never with another process: it could be one that serves something else.
      net::ListenOptions alone = options;
      alone.reuse_port = false;
      auto probe = net::listen_tcp(loop_, poller_, alone);
      if (!probe) return std::unexpected(probe.error());
      (*probe)->close();
    }
    auto listener = net::listen_tcp(loop_, poller_, std::move(options));
    if (!listener) return std::unexpected(listener.error());
    take(one, std::move(*listener));
  }
  return {};
}

std::vector<Inherited::Socket> Worker::listening_sockets() const {
  std::vector<Inherited::Socket> out;
  for (const Listening& one : listening_) {
    net::Fd fd = net::duplicate(one.listener->fd());
    if (fd) out.push_back({Inherited::Role::kCalls, one.address, one.port, std::move(fd)});
  }
  return out;
}

void Worker::forget_listeners() { opening_.clear(); }

void Worker::use_listeners(const config::Settings& settings) {
  for (Listening& old : listening_) {
    const bool stays =
        std::ranges::any_of(opening_, [&](const Listening& one) { return one.listener == old.listener; });
    if (!stays) old.listener->finish();
  }
  for (Listening& one : opening_) {
    const auto where = std::ranges::find_if(settings.edge.listen, [&](const auto& l) { return one.is(l); });
    if (one.owned) {
      server_->listen(std::move(one.owned));
    } else if (where != settings.edge.listen.end()) {
      one.listener->use(listen_options(*where, settings));
    }
  }
  listening_ = std::move(opening_);
  opening_.clear();
}

void Worker::drain(std::atomic<size_t>& left, Drain how) {
  loop_.post([this, &left, how] {
    keep_warm_.cut();
    refreshes_.forget();
    if (how == Drain::kHandOver) {
      // Closed with nobody waiting in it, so that no wake-up for one who came is lost on the way to the successor.
      for (Listening& one : listening_) one.listener->finish();
      server_->leave();
    } else {
      server_->drain();
    }
    listening_.clear();
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
