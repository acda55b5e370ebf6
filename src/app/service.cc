#include "app/service.h"

#include <utility>

#include "net/dialer.h"

namespace baton::app {

std::shared_ptr<Service> Service::make(Shared& shared, std::shared_ptr<Revision> revision, const LoopParts& parts) {
  auto service = std::make_shared<Service>(shared, std::move(revision), parts);
  service->life_ = service;
  return service;
}

Service::Service(Shared& shared, std::shared_ptr<Revision> revision, const LoopParts& parts)
    : revision_(std::move(revision)), authenticator_(revision_->settings.auth, &shared.keys) {
  const config::Settings& settings = revision_->settings;
  std::vector<std::vector<relay::Line>> lines;
  for (size_t i = 0; i < settings.accounts.accounts.size(); ++i) {
    const auto& account = settings.accounts.accounts[i];
    std::vector<relay::Line>& ways = lines.emplace_back();
    for (const auto& endpoint : revision_->endpoints[i]) {
      net::TlsClientContext* context = endpoint.target.tls ? revision_->client_tls[i].get() : nullptr;
      dialers_.push_back(net::make_tcp_dialer(parts.loop, parts.poller, parts.resolver,
                                              {.target = endpoint.target,
                                               .connect_timeout = settings.upstream.connect_timeout,
                                               .tls_handshake_timeout = settings.upstream.tls_handshake_timeout,
                                               .address_stagger = settings.upstream.address_stagger,
                                               .tls = context,
                                               .proxy_url = account.proxy,
                                               .allow_private = account.allow_private}));
      pools_.push_back(
          std::make_unique<upstream::ConnectionPool>(parts.loop, *dialers_.back(), settings.upstream, parts.metrics,
                                                     upstream::Warming{.tasks = &parts.background, .life = &life_}));
      upstream::RequestCoding* coding = nullptr;
      if (account.compress != "off") {
        codings_.push_back(std::make_unique<upstream::RequestCoding>(
            account.compress == "auto" ? upstream::Compress::kAuto : upstream::Compress::kAlways));
        coding = codings_.back().get();
      }
      ways.push_back({.party = {.endpoint = &endpoint,
                                .key = account.passthrough ? nullptr : &account.key,
                                .show_rate_limits = account.show_rate_limits,
                                .simulated = account.provider == "simulator"},
                      .connections = pools_.back().get(),
                      .coding = coding});
    }
  }
  bool tls = false;
  for (const auto& listener : settings.edge.listen) tls = tls || listener.tls.set();
  const bool traced = !settings.tracing.endpoint.empty();
  relay::KeepWarm* keep_warm = parts.keep_warm.enabled() ? &parts.keep_warm : nullptr;
  relay_ = std::make_unique<relay::Relay>(relay::Parts{.loop = parts.loop,
                                                       .random = parts.random,
                                                       .authenticator = authenticator_,
                                                       .accounts = revision_->accounts,
                                                       .attempts_max = settings.accounts.attempts_max,
                                                       .lines = std::move(lines),
                                                       .upstream = settings.upstream,
                                                       .stream = settings.stream,
                                                       .write_stall = settings.edge.write_stall_timeout,
                                                       .reply_bytes = shared.reply_bytes,
                                                       .bindings = shared.bindings,
                                                       .metrics = parts.metrics,
                                                       .ledger = parts.ledger,
                                                       .tap_room = parts.tap_room,
                                                       .budgets = shared.budgets.get(),
                                                       .tracing = traced ? &revision_->tracing : nullptr,
                                                       .nonces = &shared.nonce_store(),
                                                       .pressure = &shared.pressure,
                                                       .replies = shared.replies.get(),
                                                       .shared = parts.shared_replies,
                                                       .similar = shared.similar.get(),
                                                       .foresight = shared.foresight.get(),
                                                       .flights = shared.flights.get(),
                                                       .resumables = &shared.resumables,
                                                       .resumables_of_loop = &parts.resumables,
                                                       .refreshes = &parts.refreshes,
                                                       .keep_warm = keep_warm,
                                                       .public_url = settings.public_url,
                                                       .tls = tls,
                                                       .simulated = settings.simulated,
                                                       .life = &life_});
}

void Service::retire() {
  for (auto& pool : pools_) pool->close_idle();
}

}  // namespace baton::app
