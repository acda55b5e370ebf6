// Shared: the few objects that all loops use, each safe by itself. Made once in order, ended in reverse.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "accounts/prompt_warmth.h"
#include "admin/admin_pages.h"
#include "admin/live_feed.h"
#include "app/revision.h"
#include "app/shared_cache.h"
#include "auth/key_ring.h"
#include "auth/nonce_database.h"
#include "auth/nonce_file.h"
#include "base/byte_budget.h"
#include "base/memory_pressure.h"
#include "config/settings.h"
#include "ledger/access_log.h"
#include "ledger/book.h"
#include "ledger/budgets.h"
#include "ledger/place.h"
#include "metrics/log.h"
#include "metrics/relay_metrics.h"
#include "net/tls_context.h"
#include "reuse/flights.h"
#include "reuse/foresight.h"
#include "reuse/reply_log.h"
#include "reuse/reply_store.h"
#include "reuse/resumable.h"
#include "runtime/clock.h"
#include "similar/memory.h"
#include "store/id_bindings.h"
#include "store/journal.h"

namespace baton::app {

class Tracer;

// The certificates of listeners, by the files that they were read from. Once read they stay: streams use them.
class ServerCertificates {
 public:
  static constexpr size_t kPairsMax = 256;
  // Reads them, anew if they are known. kConfig says what is wrong; then nothing has changed.
  Expected<void> read(const edge::TlsFiles& files);
  // Null for no files.
  net::TlsServerContext* find(const edge::TlsFiles& files) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<net::TlsServerContext>> by_files_;
};

struct Shared {
  // Throws nothing; kConfig with a sentence when a TLS file, a CA file or the log cannot be used.
  static Expected<std::unique_ptr<Shared>> make(config::Settings settings, size_t threads, metrics::Log& log);

  explicit Shared(config::Settings from, size_t threads, metrics::Log& log);

  // The configuration in force. Any thread.
  std::shared_ptr<Revision> current() const {
    std::lock_guard lock(revision_mutex);
    return revision;
  }

  auth::NonceStore& nonce_store() { return shared_nonces ? static_cast<auth::NonceStore&>(*shared_nonces) : nonces; }

  Expected<void> open_reply_log();
  Expected<void> open_shared_cache();
  // Takes replies out wherever this process keeps them.
  cache::Change purge_replies(const reuse::Selection& what);
  // Where the rows of calls lie.
  ledger::Place ledger_place() const { return {settings.data_dir, settings.ledger.database}; }

  Expected<void> open_similar();
  bool in_file() const { return settings.ledger.database.reveal().empty(); }

  Expected<void> open_book(const std::shared_ptr<const ledger::PriceTable>& prices);
  void recover_into_file(const ledger::PriceTable& prices);
  void recover_through_book();
  // The process that was taken over from has ended: what it could not book any more is booked.
  void predecessor_ended();

  const size_t loops;
  config::Settings settings;  // as at the start: what a reload does not change is read here
  metrics::Log& log;
  runtime::SystemClock clock;
  metrics::RelayMetrics metrics;
  admin::State state;
  admin::LiveFeed live;
  ServerCertificates server_tls;
  std::unique_ptr<net::TlsServerContext> admin_tls;
  auth::KeyRing keys;
  auth::NonceFile nonces;
  std::unique_ptr<auth::NonceDatabase> shared_nonces;  // null: no database is shared
  Tracer* traces = nullptr;                            // set before the loops are made, outlives them
  MemoryPressure pressure;
  ByteBudget request_bytes;
  ByteBudget reply_bytes;
  std::atomic<int64_t> connections{0};
  std::unique_ptr<reuse::ReplyLog> reply_log;   // null: nothing is kept on the disk
  std::unique_ptr<reuse::ReplyStore> replies;   // null: nothing is reused
  std::unique_ptr<SharedCache> shared_cache;    // null: nothing is shared with other relays
  std::unique_ptr<similar::Memory> similar;     // null: nothing similar is reused
  std::unique_ptr<reuse::Foresight> foresight;  // null: nothing is asked for ahead
  std::unique_ptr<reuse::Flights> flights;
  reuse::Resumables resumables;
  std::unique_ptr<accounts::PromptWarmth> warmth;  // null: no prompt is kept warm, or learnt of
  ByteBudget warm_bytes;                           // requests held for it
  store::IdBindings bindings;
  std::unique_ptr<ledger::AccessLog> access_log;
  std::unique_ptr<store::Journal> journal;  // null when it or the rows are off
  std::unique_ptr<ledger::Book> book;       // null when rows are off
  std::weak_ptr<const void> taking_over;    // while rows that a killed process left wait for the ledger's server
  std::unique_ptr<ledger::Budgets> budgets;
  mutable std::mutex revision_mutex;
  std::shared_ptr<Revision> revision;  // use current()
};

std::vector<std::string> account_names(const config::Settings& settings);

// The prices of the settings and of the file that they name. kConfig with the file's first problem.
Expected<std::shared_ptr<const ledger::PriceTable>> read_prices(const config::Settings& settings);

}  // namespace baton::app
