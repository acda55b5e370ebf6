#include "app/admin_thread.h"

#include <algorithm>
#include <cstdio>
#include <future>
#include <utility>

#include "admin/account_gauges.h"
#include "admin/token_file.h"
#include "net/activation.h"

namespace baton::app {

namespace {

constexpr Duration kMoneyEvery = std::chrono::seconds(2);

// The tokens are digests from here on.
admin::Access access_of(std::vector<admin::TokenConfig> tokens) { return admin::Access(tokens); }

bool is_client_key(const Shared& shared, std::string_view key) {
  if (key.size() > auth::kKeyBytesMax) return false;
  bool found = false;
  for (const auto& client : shared.current()->settings.auth.clients) {
    if (equal_constant_time(client.key.reveal(), key)) found = true;
  }
  auth::KeyRing::View view;
  return view.of(shared.keys).find(key) != nullptr || found;
}

admin::CacheRemoval purge_cache(Shared& shared, const admin::CacheSelection& what) {
  const reuse::Selection selection{.all = what.all, .tenant = what.tenant, .tag = what.tag, .key = what.key};
  // First for what lies in Redis, so that nothing of it comes back into memory.
  if (shared.shared_cache) shared.shared_cache->purges().add(selection);
  const cache::Change change = shared.purge_replies(selection);
  return {.entries = -change.entries, .bytes = -change.bytes};
}

}  // namespace

admin::Config AdminThread::config_of(const config::Settings& settings) {
  return {.address = settings.admin.address,
          .port = settings.admin.port,
          .hosts = settings.admin_hosts,
          .metrics_need_token = settings.admin_metrics_need_token};
}

AdminThread::AdminThread(Parts parts)
    : shared_(parts.shared),
      pages_(shared_.metrics, shared_.state, config_of(shared_.settings)),
      access_(access_of(std::move(parts.tokens))),
      audit_(shared_.settings.data_dir),
      overview_({.metrics = shared_.metrics,
                 .state = shared_.state,
                 .clock = shared_.clock,
                 .revision = [this] { return shared_.current()->number; }}),
      relay_api_({.overview = overview_,
                  .configuration =
                      [this, path = parts.config_path] {
                        const auto revision = shared_.current();
                        return admin::ConfigurationFacts{revision->number, revision->made, path,
                                                         revision->settings.warnings};
                      },
                  .reload = std::move(parts.reload),
                  .folder = shared_.settings.data_dir}),
      cache_api_([this](const admin::CacheSelection& what) { return purge_cache(shared_, what); }),
      accounts_api_(
          [this] {
            auto revision = shared_.current();
            accounts::AccountPool* pool = &revision->accounts;
            return std::shared_ptr<accounts::AccountPool>(std::move(revision), pool);
          },
          shared_.clock),
      keys_api_({.place = shared_.ledger_place(),
                 .budgets = shared_.budgets.get(),
                 .changed = std::move(parts.keys_changed)}),
      ledger_api_(shared_.ledger_place()),
      account_probe_(shared_, loop_, poller_),
      desk_(std::make_unique<admin::Desk>()),
      api_({.access = access_,
            .audit = audit_,
            .desk = *desk_,
            .state = shared_.state,
            .loop = loop_,
            .is_client_key = [this](std::string_view key) { return is_client_key(shared_, key); }}),
      handler_({.pages = pages_,
                .api = &api_,
                .metrics_need_token = shared_.settings.admin_metrics_need_token,
                .live = &shared_.live,
                .overview = &overview_}),
      metrics_handler_({.pages = pages_}),
      server_({.loop = loop_,
               .config = config_,
               .handler = handler_,
               .request_bytes = request_bytes_,
               .connections = connections_}),
      metrics_server_({.loop = loop_,
                       .config = config_,
                       .handler = metrics_handler_,
                       .request_bytes = request_bytes_,
                       .connections = connections_}) {
  pages_.add_metrics([this] {
    const auto revision = shared_.current();
    return admin::account_gauges(revision->accounts, shared_.clock.now());
  });
  relay_api_.serve(api_);
  cache_api_.serve(api_);
  accounts_api_.serve(api_);
  keys_api_.serve(api_);
  ledger_api_.serve(api_);
  account_probe_.serve(api_);
  overview_.sample();
  ticker_.admin = this;
  ticker_.loop = &loop_;
  ticker_.run = [](runtime::Wake& wake) {
    auto& self = static_cast<Ticker&>(wake);
    self.admin->turn();
    self.arm();
  };
  ticker_.arm();
}

void AdminThread::turn() {
  overview_.sample();
  if (!shared_.book || refreshing_.size() > 0 || loop_.now() - refreshed_ < kMoneyEvery) return;
  refreshed_ = loop_.now();
  refreshing_.spawn(ledger_api_.refresh_money(api_.parts(), overview_));
}

void AdminThread::Ticker::arm() {
  timer.slot.stand(*this, 0);
  loop->timers().arm(timer, loop->now() + admin::Overview::kEvery);
}

AdminThread::~AdminThread() { end(); }

Expected<uint16_t> AdminThread::listen_on(Inherited::Role role, const edge::ListenConfig& where, Inherited& inherited) {
  const bool metrics = role == Inherited::Role::kMetrics;
  edge::Server& server = metrics ? metrics_server_ : server_;
  const net::ListenOptions options{
      .address = where.address, .port = where.port, .tls = metrics ? nullptr : shared_.admin_tls.get()};
  std::vector<net::Fd> fds = inherited.share(role, where);
  uint16_t port = 0;
  for (size_t i = 0; i < std::max<size_t>(fds.size(), 1); ++i) {
    auto listener = fds.empty() ? net::listen_tcp(loop_, poller_, options)
                                : net::adopt_listener(loop_, poller_, std::move(fds[i]), options);
    if (!listener) return std::unexpected(listener.error());
    port = (*listener)->port();
    listening_.push_back({role, where, listener->get()});
    server.listen(std::move(*listener));
  }
  return port;
}

Expected<uint16_t> AdminThread::listen(Inherited& inherited) {
  if (const auto& metrics = shared_.settings.admin_metrics) {
    if (auto port = listen_on(Inherited::Role::kMetrics, *metrics, inherited); !port) return port;
  }
  return listen_on(Inherited::Role::kOperator, shared_.settings.admin, inherited);
}

std::vector<Inherited::Socket> AdminThread::listening_sockets() {
  std::promise<std::vector<Inherited::Socket>> done;
  loop_.post([&] {
    std::vector<Inherited::Socket> out;
    for (const Listening& one : listening_) {
      net::Fd fd = net::duplicate(one.listener->fd());
      if (fd) out.push_back({one.role, one.where.address, one.where.port, std::move(fd)});
    }
    done.set_value(std::move(out));
  });
  return done.get_future().get();
}

void AdminThread::leave() {
  loop_.post([this] {
    for (const Listening& one : listening_) one.listener->finish();
    listening_.clear();
    server_.leave();
    metrics_server_.leave();
  });
}

void AdminThread::end() {
  loop_.post([this] {
    ticker_.timer.disarm();
    loop_.forget(ticker_);
    server_.cut();
    metrics_server_.cut();
  });
  finish([this] { return server_.settled() && metrics_server_.settled() && refreshing_.size() == 0; });
  desk_.reset();
}

Expected<std::vector<admin::TokenConfig>> operator_tokens(Shared& shared) {
  std::vector<admin::TokenConfig> tokens = shared.settings.admin_tokens;
  auto first = admin::open_token(shared.settings.data_dir);
  if (!first) return std::unexpected(first.error());
  if (first->made) {
    // Not through the log: it is shown this once, to who starts the relay.
    const std::string text(first->token.reveal());
    std::fprintf(stderr, "operator's token, shown this once (it is kept in %s/admin.token): %s\n",
                 shared.settings.data_dir.c_str(), text.c_str());
  }
  tokens.push_back({.name = "admin", .token = std::move(first->token), .role = admin::Role::kOperate});
  return tokens;
}

}  // namespace baton::app
