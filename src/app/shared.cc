#include "app/shared.h"

#include <array>
#include <utility>

#include "base/digest.h"

namespace baton::app {

namespace {

std::vector<std::string> account_names(const config::Settings& settings) {
  std::vector<std::string> names;
  names.reserve(settings.accounts.accounts.size());
  for (const auto& account : settings.accounts.accounts) names.push_back(account.name);
  return names;
}

store::Config store_config(const config::Settings& settings) {
  store::Config config = settings.store;
  config.folder = settings.data_dir;
  return config;
}

Expected<std::unique_ptr<net::TlsServerContext>> server_context(const edge::TlsFiles& files) {
  if (!files.set()) return nullptr;
  return net::TlsServerContext::make({.cert_file = files.cert, .key_file = files.key});
}

}  // namespace

Expected<std::shared_ptr<const ledger::PriceTable>> read_prices(const config::Settings& settings) {
  ledger::PriceList file;
  if (!settings.ledger.prices_file.empty()) {
    auto read = config::load_prices(settings.ledger.prices_file);
    if (!read) return fail(ErrorCode::kConfig, Fault::kUs, read.error().text());
    file = std::move(*read);
  }
  return std::make_shared<const ledger::PriceTable>(settings.ledger.prices, std::move(file));
}

Shared::Shared(config::Settings from, size_t threads, metrics::Log& operator_log)
    : settings(std::move(from)),
      log(operator_log),
      metrics({.accounts = account_names(settings), .loops = threads, .version = BATON_VERSION}),
      accounts(settings.accounts, clock),
      request_bytes(settings.edge.request_bytes_budget),
      reply_bytes(settings.stream.reply_bytes_budget),
      bindings(store_config(settings), clock, log) {
  metrics.watch_budgets(request_bytes, reply_bytes);
  if (settings.cache.bytes_max == 0) return;
  std::array<uint8_t, 32> secret;
  random_bytes(secret);
  replies = std::make_unique<reuse::ReplyStore>(settings.cache, secret);
}

Expected<std::unique_ptr<Shared>> Shared::make(config::Settings settings, size_t threads, metrics::Log& log) {
  auto shared = std::make_unique<Shared>(std::move(settings), threads, log);
  for (const auto& account : shared->settings.accounts.accounts) {
    auto endpoint = upstream::parse_endpoint(account.base_url);
    if (!endpoint)
      return fail(ErrorCode::kConfig, Fault::kUs, "account " + account.name + ": base_url " + endpoint.error().detail);
    std::unique_ptr<net::TlsClientContext> tls;
    if (endpoint->target.tls) {
      auto context = net::TlsClientContext::make({.ca_file = account.ca_file});
      if (!context)
        return fail(ErrorCode::kConfig, Fault::kUs, "account " + account.name + ": " + context.error().detail);
      tls = std::move(*context);
    }
    shared->endpoints.push_back(std::move(*endpoint));
    shared->client_tls.push_back(std::move(tls));
  }
  for (const auto& listener : shared->settings.edge.listen) {
    auto tls = server_context(listener.tls);
    if (!tls) return std::unexpected(tls.error());
    shared->server_tls.push_back(std::move(*tls));
  }
  auto tls = server_context(shared->settings.admin.tls);
  if (!tls) return std::unexpected(tls.error());
  shared->admin_tls = std::move(*tls);
  auto access_log = ledger::AccessLog::open(shared->settings.ledger, shared->metrics, log);
  if (!access_log) return std::unexpected(access_log.error());
  shared->access_log = std::move(*access_log);
  auto prices = read_prices(shared->settings);
  if (!prices) return std::unexpected(prices.error());
  shared->budgets = std::make_unique<ledger::Budgets>(shared->settings.ledger.budgets, *prices);
  if (shared->settings.ledger.rows) {
    shared->book = std::make_unique<ledger::Book>(shared->settings.ledger, shared->settings.data_dir,
                                                  std::move(*prices), shared->clock, log);
  }
  return shared;
}

}  // namespace baton::app
