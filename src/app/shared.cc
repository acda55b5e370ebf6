#include "app/shared.h"

#include <array>
#include <utility>

#include "base/digest.h"
#include "ledger/recover.h"

namespace baton::app {

std::vector<std::string> account_names(const config::Settings& settings) {
  std::vector<std::string> names;
  names.reserve(settings.accounts.accounts.size());
  for (const auto& account : settings.accounts.accounts) names.push_back(account.name);
  return names;
}

namespace {

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

Expected<void> ServerCertificates::read(const edge::TlsFiles& files) {
  if (!files.set()) return {};
  {
    std::lock_guard lock(mutex_);
    const auto known = by_files_.find({files.cert, files.key});
    if (known != by_files_.end()) return known->second->reload();
    if (by_files_.size() >= kPairsMax)
      return fail(ErrorCode::kConfig, Fault::kUs, "too many certificates since the start; this needs a restart");
  }
  auto context = server_context(files);
  if (!context) return std::unexpected(context.error());
  std::lock_guard lock(mutex_);
  by_files_.emplace(std::pair(files.cert, files.key), std::move(*context));
  return {};
}

net::TlsServerContext* ServerCertificates::find(const edge::TlsFiles& files) const {
  std::lock_guard lock(mutex_);
  const auto known = by_files_.find({files.cert, files.key});
  return known == by_files_.end() ? nullptr : known->second.get();
}

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
    : loops(threads),
      settings(std::move(from)),
      log(operator_log),
      metrics({.accounts = account_names(settings), .loops = threads, .version = BATON_VERSION}),
      nonces({.folder = settings.data_dir + "/nonces"}, clock.wall()),
      request_bytes(settings.edge.request_bytes_budget),
      reply_bytes(settings.stream.reply_bytes_budget),
      resumables(settings.resume),
      warm_bytes(settings.accounts.warmth.bytes_max),
      bindings(store_config(settings), clock, log) {
  metrics.watch_budgets(request_bytes, reply_bytes);
  metrics.watch_memory(pressure);
  metrics.watch_prefixes([this] {
    const auto now = current();
    return now ? now->accounts.prompt_prefixes() : 0;
  });
  if (settings.cache.ahead_share > 0) foresight = std::make_unique<reuse::Foresight>(settings.cache.ahead_share);
  if (settings.accounts.warmth.any())
    warmth = std::make_unique<accounts::PromptWarmth>(
        accounts::PromptWarmth::Options{.config = settings.accounts.warmth,
                                        .short_ttl = settings.accounts.affinity.cache_ttl,
                                        .long_ttl = settings.accounts.affinity.cache_ttl_long});
  flights = std::make_unique<reuse::Flights>(settings.cache, reply_bytes);
  if (!in_file()) shared_nonces = std::make_unique<auth::NonceDatabase>(settings.ledger.database, nonces);
  metrics.watch_nonces(nonces.size_counter(), shared_nonces ? &shared_nonces->waiting_counter() : nullptr);
  if (settings.cache.bytes_max == 0) return;
  std::array<uint8_t, 32> secret;
  random_bytes(secret);
  if (settings.shared_cache.on()) secret = reuse::SharedCodec(settings.shared_cache.secret.reveal()).place();
  replies = std::make_unique<reuse::ReplyStore>(settings.cache, secret);
}

Expected<std::unique_ptr<Shared>> Shared::make(config::Settings settings, size_t threads, metrics::Log& log) {
  auto shared = std::make_unique<Shared>(std::move(settings), threads, log);
  auto revision = Revision::make(shared->settings, 1, shared->clock);
  if (!revision) return std::unexpected(revision.error());
  shared->revision = std::move(*revision);
  for (const auto& listener : shared->settings.edge.listen) {
    if (auto read = shared->server_tls.read(listener.tls); !read) return std::unexpected(read.error());
  }
  auto tls = server_context(shared->settings.admin.tls);
  if (!tls) return std::unexpected(tls.error());
  shared->admin_tls = std::move(*tls);
  if (auto log_of_replies = shared->open_reply_log(); !log_of_replies) return std::unexpected(log_of_replies.error());
  if (auto opened = shared->open_shared_cache(); !opened) return std::unexpected(opened.error());
  auto access_log = ledger::AccessLog::open(shared->settings.ledger, shared->metrics, log);
  if (!access_log) return std::unexpected(access_log.error());
  shared->access_log = std::move(*access_log);
  if (auto opened = shared->open_similar(); !opened) return std::unexpected(opened.error());
  auto prices = read_prices(shared->settings);
  if (!prices) return std::unexpected(prices.error());
  shared->budgets = std::make_unique<ledger::Budgets>(shared->settings.ledger.budgets, *prices);
  if (shared->settings.ledger.rows) {
    if (auto opened = shared->open_book(*prices); !opened) return std::unexpected(opened.error());
  }
  return shared;
}

Expected<void> Shared::open_similar() {
  const similar::Config& config = settings.similar;
  if (config.rules.empty() || replies == nullptr) return {};
  similar::Weights weights = similar::built_in_weights();
  if (!config.weights_file.empty()) {
    auto read = similar::read_weights(config.weights_file);
    if (!read) return std::unexpected(read.error());
    weights = *read;
  }
  similar = std::make_unique<similar::Memory>(config, weights);
  metrics.watch_similar([this] {
    const auto totals = similar->totals();
    return metrics::RelayMetrics::Similar{totals.scopes, totals.entries, totals.bytes, totals.error_bound};
  });
  return {};
}

namespace {

void say_recovered(metrics::Log& log, const ledger::Recovered& recovered) {
  if (recovered.ended + recovered.unknown == 0) return;
  log.say("ledger: the process before was killed: " + std::to_string(recovered.ended) +
          " calls are booked from its journal, and " + std::to_string(recovered.unknown) + " whose end is not known");
}

void say_left(metrics::Log& log, const Error& why) {
  log.say("ledger: the journal cannot be taken over, it stays: " + why.detail);
}

}  // namespace

void Shared::recover_into_file(const ledger::PriceTable& prices) {
  auto recovered = ledger::recover_journal(settings.data_dir, prices);
  if (!recovered) return say_left(log, recovered.error());
  say_recovered(log, *recovered);
}

// The server may be away: the book writes what was left when it can, and the files stay until it has.
void Shared::recover_through_book() {
  if (!journal || !book) return;
  auto left = ledger::read_journal(settings.data_dir);
  if (!left) return say_left(log, left.error());
  if (left->files.empty()) return;
  say_recovered(log, ledger::count(left->calls));
  const store::Journal::Keep keep = journal->adopt(std::move(left->files));
  for (model::Outcome& call : left->calls) call.journal[0] = keep;
  taking_over = keep;
  book->hand_over(left->calls);
}

void Shared::predecessor_ended() {
  metrics.predecessor_drains(false);
  log.say("the process before has ended");
  if (!settings.ledger.rows) return;
  if (in_file()) {
    recover_into_file(*budgets->prices());
  } else {
    recover_through_book();
  }
}

Expected<void> Shared::open_reply_log() {
  if (settings.cache.bytes_max == 0 || settings.cache.disk_bytes_max == 0) return {};
  auto opened = reuse::ReplyLog::open(
      {.folder = settings.data_dir + "/cache", .bytes_max = settings.cache.disk_bytes_max}, clock);
  if (!opened) return std::unexpected(opened.error());
  reply_log = std::move(*opened);
  // Relays that share replies look for them in the same places.
  const auto place = settings.shared_cache.on() ? replies->secret() : reply_log->secret();
  replies = std::make_unique<reuse::ReplyStore>(settings.cache, place);
  reply_log->restore(*replies);
  replies->use(*reply_log);
  const cache::Change restored = replies->take_restored();
  metrics.cache_restored(restored.bytes, restored.entries);
  metrics.watch_reply_log(reply_log->counts());
  return {};
}

Expected<void> Shared::open_shared_cache() {
  if (!settings.shared_cache.on() || replies == nullptr) return {};
  auto opened = SharedCache::make(settings, [this](const reuse::Selection& what) { (void)purge_replies(what); });
  if (!opened) return std::unexpected(opened.error());
  shared_cache = std::move(*opened);
  metrics.watch_redis(shared_cache->counts());
  return {};
}

cache::Change Shared::purge_replies(const reuse::Selection& what) {
  if (replies == nullptr) return {};
  const cache::Change change = replies->purge(what);
  metrics.cache_purged(-change.bytes, -change.entries);
  return change;
}

Expected<void> Shared::open_book(const std::shared_ptr<const ledger::PriceTable>& prices) {
  // Also with the journal off what one has left is booked.
  if (in_file()) recover_into_file(*prices);
  if (settings.ledger.journal) {
    auto opened = store::Journal::open(settings.data_dir);
    if (!opened) return std::unexpected(opened.error());
    journal = std::move(*opened);
  }
  book = std::make_unique<ledger::Book>(settings.ledger, settings.data_dir, prices, clock, log, journal.get());
  if (!in_file()) recover_through_book();
  return {};
}

}  // namespace baton::app
