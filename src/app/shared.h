// Shared: the few objects that all loops use, each safe by itself. Made once in order, ended in reverse.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "accounts/pool.h"
#include "admin/admin_pages.h"
#include "auth/key_ring.h"
#include "base/byte_budget.h"
#include "config/settings.h"
#include "ledger/access_log.h"
#include "ledger/book.h"
#include "ledger/budgets.h"
#include "metrics/log.h"
#include "metrics/relay_metrics.h"
#include "net/tls_context.h"
#include "reuse/reply_store.h"
#include "runtime/clock.h"
#include "store/id_bindings.h"
#include "upstream/endpoint.h"

namespace baton::app {

struct Shared {
  // Throws nothing; kConfig with a sentence when a TLS file, a CA file or the log cannot be used.
  static Expected<std::unique_ptr<Shared>> make(config::Settings settings, size_t threads, metrics::Log& log);

  explicit Shared(config::Settings from, size_t threads, metrics::Log& log);

  config::Settings settings;
  metrics::Log& log;
  runtime::SystemClock clock;
  metrics::RelayMetrics metrics;
  admin::State state;
  accounts::AccountPool accounts;
  std::vector<upstream::Endpoint> endpoints;                       // per account
  std::vector<std::unique_ptr<net::TlsClientContext>> client_tls;  // per account; null for plain
  std::vector<std::unique_ptr<net::TlsServerContext>> server_tls;  // per listener; null for plain
  std::unique_ptr<net::TlsServerContext> admin_tls;
  auth::KeyRing keys;
  ByteBudget request_bytes;
  ByteBudget reply_bytes;
  std::atomic<int64_t> connections{0};
  std::unique_ptr<reuse::ReplyStore> replies;  // null: nothing is reused
  store::IdBindings bindings;
  std::unique_ptr<ledger::AccessLog> access_log;
  std::unique_ptr<ledger::Book> book;  // null when rows are off
  std::unique_ptr<ledger::Budgets> budgets;
};

// The prices of the settings and of the file that they name. kConfig with the file's first problem.
Expected<std::shared_ptr<const ledger::PriceTable>> read_prices(const config::Settings& settings);

}  // namespace baton::app
