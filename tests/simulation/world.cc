#include "tests/simulation/world.h"

#include <gtest/gtest.h>

#include "runtime/wait.h"

namespace baton::simulation {

using runtime::Task;

namespace {
metrics::RelayMetrics::Options metric_options(const WorldOptions& options) {
  std::vector<std::string> names;
  for (const auto& account : options.account_configs) names.push_back(account.name);
  for (size_t i = 0; i < options.accounts && options.account_configs.empty(); ++i)
    names.push_back("account-" + std::to_string(i));
  return {.accounts = names, .loops = 1, .version = "test"};
}
}  // namespace

World::World(WorldOptions options)
    : request_bytes(options.request_bytes_max),
      reply_bytes(options.reply_bytes_max),
      options_(std::move(options)),
      poller_(clock),
      loop_(clock, poller_),
      random_(options_.seed),
      simulator_(options_.sim),
      sim_handler_(simulator_, {}),
      authenticator_(options_.auth, options_.keys),
      metrics_(metric_options(options_)),
      log_(clock, -1),
      bindings_({}, clock, log_) {
  if (!options_.account_configs.empty()) options_.accounts = options_.account_configs.size();
  pool_config_ = options_.pool;
  account_configs_ = options_.account_configs;
  access_log_ = std::move(*ledger::AccessLog::open({.access_log = "off"}, metrics_, log_));
  ledger_ = std::make_unique<ledger::Ledger>(loop_, metrics_.shard(0), *access_log_, options_.book, options_.journal);
  ledger_->observe([this](const model::Outcome& outcome) { outcomes.push_back(outcome); });
  sim_server_ = std::make_unique<edge::Server>(edge::Server::Parts{.loop = loop_,
                                                                   .config = sim_edge_,
                                                                   .handler = sim_handler_,
                                                                   .request_bytes = sim_bytes_,
                                                                   .connections = sim_connections_});
  account_configs_.resize(options_.accounts);
  std::vector<std::vector<relay::Line>> lines(options_.accounts);
  size_t upstreams_count = options_.accounts;
  for (const auto& account : account_configs_) upstreams_count += account.endpoints.size();
  endpoints_.resize(upstreams_count);
  auto add = [&](size_t i, accounts::AccountConfig& account, relay::Line& line) {
    endpoints_[i] = *upstream::parse_endpoint("http://upstream-" + std::to_string(i));
    dialers.push_back(std::make_unique<MemoryDialer>(random_, options_.upstream_weather, [this, i](StreamPair& pair) {
      upstream_replies.push_back(std::make_shared<std::string>());
      pair.b_to_a->record = upstream_replies.back();
      if (on_dial) on_dial(pair, i);
      if (options_.scripted) {
        upstreams.adopt(std::move(pair.b), i);
      } else {
        sim_server_->adopt(std::move(pair.b));
      }
    }));
    pools_.push_back(
        std::make_unique<upstream::ConnectionPool>(loop_, *dialers[i], options_.upstream, metrics_.shard(0),
                                                   upstream::Warming{.tasks = options_.warm ? &background_ : nullptr}));
    line = {.party = {.endpoint = &endpoints_[i],
                      .key = account.passthrough ? nullptr : &account.key,
                      .show_rate_limits = account.show_rate_limits,
                      .simulated = !options_.scripted},
            .connections = pools_[i].get(),
            .coding = options_.compress ? &coding_ : nullptr};
  };
  for (size_t i = 0; i < options_.accounts; ++i) {
    accounts::AccountConfig& account = account_configs_[i];
    if (account.name.empty()) account.name = "account-" + std::to_string(i);
    if (account.key.empty()) account.key = Secret(key(i));
    add(i, account, lines[i].emplace_back());
  }
  for (size_t i = 0, next = options_.accounts; i < options_.accounts; ++i) {
    for (size_t k = 0; k < account_configs_[i].endpoints.size(); ++k)
      add(next++, account_configs_[i], lines[i].emplace_back());
  }
  accounts_ = std::make_unique<accounts::AccountPool>(pool_config_, clock);
  flights_ = std::make_unique<reuse::Flights>(options_.cache.value_or(reuse::Config{}), reply_bytes);
  resumables_ = std::make_unique<reuse::Resumables>(options_.resume);
  resumable_list_ = std::make_unique<reuse::ResumableList>(loop_, *resumables_, metrics_.shard(0));
  if (options_.cache) replies_ = std::make_unique<reuse::ReplyStore>(*options_.cache, std::array<uint8_t, 32>{7});
  if (options_.redis != nullptr) begin_shared();
  if (options_.cache && options_.cache->ahead_share > 0)
    foresight_ = std::make_unique<reuse::Foresight>(options_.cache->ahead_share);
  if (options_.similar) similar_ = std::make_unique<similar::Memory>(*options_.similar, similar::built_in_weights());
  refreshes_ = std::make_unique<relay::Refreshes>(
      relay::Refreshes::Parts{.loop = loop_,
                              .request_bytes = request_bytes,
                              .reply_bytes = reply_bytes,
                              .metrics = metrics_.shard(0),
                              .foresight = foresight_.get(),
                              .relay = [this]() -> relay::Relay& { return *relay_; }});
  if (options_.warmth.any())
    warmth_ = std::make_unique<accounts::PromptWarmth>(accounts::PromptWarmth::Options{.config = options_.warmth});
  keep_warm_ =
      std::make_unique<relay::KeepWarm>(relay::KeepWarm::Parts{.loop = loop_,
                                                               .request_bytes = request_bytes,
                                                               .bytes = warm_bytes,
                                                               .metrics = metrics_.shard(0),
                                                               .warmth = warmth_.get(),
                                                               .budgets = options_.budgets,
                                                               .relay = [this]() -> relay::Relay& { return *relay_; }});
  relay_ = std::make_unique<relay::Relay>(relay::Parts{.loop = loop_,
                                                       .random = random_,
                                                       .authenticator = authenticator_,
                                                       .accounts = *accounts_,
                                                       .attempts_max = options_.attempts_max,
                                                       .lines = std::move(lines),
                                                       .upstream = options_.upstream,
                                                       .stream = options_.stream,
                                                       .write_stall = options_.edge.write_stall_timeout,
                                                       .reply_bytes = reply_bytes,
                                                       .bindings = bindings_,
                                                       .metrics = metrics_.shard(0),
                                                       .ledger = *ledger_,
                                                       .tap_room = tap_room_,
                                                       .budgets = options_.budgets,
                                                       .tracing = options_.tracing,
                                                       .nonces = options_.nonces,
                                                       .replies = replies_.get(),
                                                       .shared = shared_.get(),
                                                       .similar = similar_.get(),
                                                       .foresight = foresight_.get(),
                                                       .flights = flights_.get(),
                                                       .resumables = resumables_.get(),
                                                       .resumables_of_loop = resumable_list_.get(),
                                                       .refreshes = refreshes_.get(),
                                                       .keep_warm = keep_warm_->enabled() ? keep_warm_.get() : nullptr,
                                                       .public_url = options_.public_url});
  server_ = std::make_unique<edge::Server>(edge::Server::Parts{.loop = loop_,
                                                               .config = options_.edge,
                                                               .handler = *relay_,
                                                               .request_bytes = request_bytes,
                                                               .connections = connections_,
                                                               .metrics = &metrics_.shard(0)});
}

void World::begin_shared() {
  redis_ = std::make_unique<ScriptedRedis>(loop_, *options_.redis);
  redis_dialer_ = std::make_unique<MemoryDialer>(random_, options_.upstream_weather,
                                                 [this](StreamPair& pair) { redis_->adopt(std::move(pair.b)); });
  codec_ = std::make_unique<reuse::SharedCodec>(options_.shared.secret.reveal());
  purges_ = std::make_unique<reuse::SharedPurges>();
  replies_ = std::make_unique<reuse::ReplyStore>(*options_.cache, codec_->place());
  redis_link_ = std::make_unique<store::RedisLink>(
      store::RedisLink::Parts{.loop = loop_, .dialer = *redis_dialer_, .random = random_, .counts = redis_counts_},
      store::RedisLink::Options{.reply_bytes_max = 2 * kMiB});
  shared_ = std::make_unique<reuse::SharedReplies>(
      reuse::SharedReplies::Parts{.loop = loop_,
                                  .random = random_,
                                  .link = *redis_link_,
                                  .codec = *codec_,
                                  .purges = *purges_,
                                  .config = options_.shared,
                                  .content_bytes_max = replies_->content_bytes_max(),
                                  .life_max = options_.cache->ttl + options_.cache->stale_max,
                                  .counts = redis_counts_,
                                  .carry_out = [this](std::vector<reuse::Chosen> all) {
                                    for (const auto& one : all) {
                                      const cache::Change gone = replies_->purge(one.selection());
                                      metrics_.cache_purged(-gone.bytes, -gone.entries);
                                    }
                                  }});
  metrics_.watch_redis(redis_counts_);
  background_.spawn(redis_link_->run());
  background_.spawn(shared_->run());
}

World::~World() {
  server_->cut();
  refreshes_->cut();
  keep_warm_->cut();
  sim_server_->cut();
  for (auto& pool : pools_) pool->close_idle();
  if (shared_) {
    shared_->stop();
    redis_link_->stop();
    redis_->still = false;
  }
  int turns = 0;
  loop_.run_until([&] {
    return (server_->settled() && refreshes_->settled() && keep_warm_->settled() && sim_server_->settled() &&
            upstreams.settled() && background_.size() == 0 && (redis_ == nullptr || redis_->settled())) ||
           ++turns > 100'000;
  });
  pools_.clear();
  ledger_.reset();
  // What timers remain (the ledger's flush) goes with its owner.
}

std::string World::body(bool stream, std::string_view text, std::string_view more) {
  return "{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":64,\"stream\":" + std::string(stream ? "true" : "false") +
         std::string(more) + ",\"messages\":[{\"role\":\"user\",\"content\":\"" + std::string(text) + "\"}]}";
}

Task<void> World::run_script(const Script& script, Seen& seen, size_t index) {
  if (script.start.count() > 0) co_await runtime::sleep_until(loop_, loop_.now() + script.start);
  StreamPair pair = make_pair(random_, options_.client_weather, script.peer, "127.0.0.1");
  if (on_client) on_client(pair, index);
  server_->adopt(std::move(pair.b));
  co_await run_client(loop_, std::move(pair.a), script, seen);
}

bool World::at_rest() const {
  int64_t leased = 0;
  for (accounts::AccountIndex i = 0; i < accounts_->size(); ++i) leased += accounts_->in_flight(i);
  return server_->busy() == 0 && server_->open() == 0 && refreshes_->settled() && keep_warm_->settled() &&
         simulator_.books().open == 0 && leased == 0 && upstreams.playing() == 0;
}

std::vector<Seen> World::play(const std::vector<Script>& scripts) {
  std::vector<Seen> seen(scripts.size());
  for (size_t i = 0; i < scripts.size(); ++i) clients_.spawn(run_script(scripts[i], seen[i], i));
  auto look = [this] {
    peak_request_bytes = std::max(peak_request_bytes, request_bytes.taken());
    peak_reply_bytes = std::max(peak_reply_bytes, reply_bytes.taken());
    if (on_turn) on_turn();
  };
  loop_.run_until([&] {
    look();
    return clients_.size() == 0 || poller_.stuck();
  });
  EXPECT_FALSE(poller_.stuck()) << "everybody waits for ever";
  const Instant ended = clock.now();
  loop_.run_until([&] {
    look();
    return at_rest() || poller_.stuck() || clock.now() - ended > std::chrono::minutes(5);
  });
  settle_time = at_rest() ? std::optional<Duration>(clock.now() - ended) : std::nullopt;
  return seen;
}

std::optional<double> World::metric(std::string_view name) const {
  std::string text = "\n" + metrics_.text();
  size_t at = text.find("\n" + std::string(name) + " ");
  if (at == std::string::npos) return std::nullopt;
  return std::stod(text.substr(at + name.size() + 2));
}

void World::check() {
  EXPECT_TRUE(settle_time) << "the relay did not come to rest";
  for (const char* gauge : {"baton_calls_in_flight", "baton_streams_open", "baton_client_connections",
                            "baton_upstream_connections{state=\"active\"}"}) {
    auto value = metric(gauge);
    ASSERT_TRUE(value) << gauge;
    EXPECT_EQ(*value, 0) << gauge;
  }
  EXPECT_EQ(request_bytes.taken(), 0u);
  EXPECT_EQ(reply_bytes.taken(), 0u);
  for (accounts::AccountIndex i = 0; i < accounts_->size(); ++i) EXPECT_EQ(accounts_->in_flight(i), 0);
  EXPECT_EQ(simulator_.books().open, 0u);
  EXPECT_EQ(connections_.load(), 0);
}

}  // namespace baton::simulation
