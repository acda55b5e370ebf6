// World: a whole relay with its accounts, the simulator as every account's upstream, and clients, in one thread on
// virtual time, from one seed. After a run check() asserts what must always hold.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accounts/pool.h"
#include "auth/authenticator.h"
#include "base/byte_budget.h"
#include "edge/server.h"
#include "ledger/access_log.h"
#include "ledger/ledger.h"
#include "metrics/log.h"
#include "metrics/relay_metrics.h"
#include "relay/keep_warm.h"
#include "relay/refresh.h"
#include "relay/relay.h"
#include "reuse/reply_store.h"
#include "reuse/shared_replies.h"
#include "sim/sim_handler.h"
#include "sim/simulator.h"
#include "similar/memory.h"
#include "store/id_bindings.h"
#include "store/redis_link.h"
#include "tests/simulation/client.h"
#include "tests/simulation/memory_net.h"
#include "tests/simulation/scripted_redis.h"
#include "tests/simulation/scripted_upstream.h"
#include "upstream/connection_pool.h"
#include "upstream/endpoint.h"

namespace baton::simulation {

struct WorldOptions {
  uint64_t seed = 1;
  size_t accounts = 1;
  std::vector<accounts::AccountConfig> account_configs = {};  // instead of so many; without keys they get World::key()
  bool scripted = false;                                      // World::upstreams answers, not the simulator
  sim::Config sim = {};
  Weather client_weather = {};
  Weather upstream_weather = {};
  stream::Config stream = {};
  upstream::Config upstream = {};
  edge::Config edge = {};
  auth::Config auth = {};
  const auth::KeyRing* keys = nullptr;
  const model::TraceRules* tracing = nullptr;
  auth::NonceStore* nonces = nullptr;  // outlives the world
  ledger::Book* book = nullptr;        // the same
  store::Journal* journal = nullptr;   // the same
  ledger::Budgets* budgets = nullptr;  // the same
  uint32_t attempts_max = 3;
  accounts::Config pool = {
      .queue = {.max_wait = {}}};  // its accounts are those above; nothing waits unless a test wants it
  std::string public_url = {};
  std::optional<reuse::Config> cache = {};  // none: nothing is reused
  RedisData* redis = nullptr;               // what relays share; outlives the world; wants `cache`
  reuse::SharedConfig shared = {.secret = Secret("a secret of thirty-two characters")};
  std::optional<similar::Config> similar = {};  // none: nothing similar is reused; wants `cache`
  reuse::ResumeConfig resume = {};
  accounts::WarmthConfig warmth = {};
  size_t request_bytes_max = 64 * kMiB;
  size_t reply_bytes_max = 64 * kMiB;
  bool warm = false;      // connections may be made in advance
  bool compress = false;  // request bodies go packed
};

class World {
 public:
  explicit World(WorldOptions options);
  ~World();

  // Plays all scripts beside each other until the last has ended and the relay is at rest.
  std::vector<Seen> play(const std::vector<Script>& scripts);
  Seen play(const Script& script) { return play(std::vector<Script>{script})[0]; }
  // Fails the running test where an invariant does not hold at rest.
  void check();

  // A Messages body.
  static std::string body(bool stream, std::string_view text = "hello", std::string_view more = "");
  static std::string key(size_t account) { return "sk-account-" + std::to_string(account) + "-0123456789"; }

  std::string metrics_text() const { return metrics_.text(); }
  // The value of a metric line that begins with `name` (labels included), or nothing.
  std::optional<double> metric(std::string_view name) const;

  runtime::VirtualClock clock;
  std::vector<model::Outcome> outcomes;
  std::vector<std::unique_ptr<MemoryDialer>> dialers;  // by account; then what accounts have besides base_url, in turn
  std::vector<std::shared_ptr<std::string>> upstream_replies;  // all that upstreams wrote, a connection each
  std::function<void(StreamPair&, size_t account)> on_dial;    // a place for faults; b is the upstream's end
  std::function<void(StreamPair&, size_t client)> on_client;   // a is the client's end
  std::function<void()> on_turn;                               // before every turn of the loop
  ScriptedUpstreams upstreams{loop_};
  sim::Simulator& simulator() { return simulator_; }
  ScriptedRedis& redis() { return *redis_; }
  const metrics::RedisCounts& redis_counts() const { return redis_counts_; }
  reuse::SharedPurges& purges() { return *purges_; }
  reuse::ReplyStore& replies() { return *replies_; }
  ByteBudget request_bytes;
  ByteBudget reply_bytes;
  size_t peak_request_bytes = 0;
  size_t peak_reply_bytes = 0;
  std::optional<Duration> settle_time;  // from the last client's end to the relay's rest
  store::IdBindings& bindings() { return bindings_; }
  upstream::ConnectionPool& pool(size_t upstream) { return *pools_[upstream]; }
  runtime::Loop& loop() { return loop_; }
  ledger::Ledger& ledger() { return *ledger_; }
  edge::Server& server() { return *server_; }
  accounts::AccountPool& accounts() { return *accounts_; }
  similar::Memory& similar() { return *similar_; }
  relay::Refreshes& refreshes() { return *refreshes_; }
  relay::KeepWarm& keep_warm() { return *keep_warm_; }
  ByteBudget warm_bytes{64 * kMiB};
  const reuse::Flights& flights() const { return *flights_; }
  const reuse::Resumables& resumables() const { return *resumables_; }

 private:
  void begin_shared();
  runtime::Task<void> run_script(const Script& script, Seen& seen, size_t index);
  bool at_rest() const;

  WorldOptions options_;
  VirtualPoller poller_;
  runtime::Loop loop_;
  runtime::Random random_;
  sim::Simulator simulator_;
  sim::SimHandler sim_handler_;
  std::atomic<int64_t> sim_connections_{0};
  ByteBudget sim_bytes_{256 * kMiB};
  edge::Config sim_edge_;
  std::unique_ptr<edge::Server> sim_server_;

  accounts::Config pool_config_;
  std::vector<accounts::AccountConfig>& account_configs_ = pool_config_.accounts;
  std::vector<upstream::Endpoint> endpoints_;
  std::unique_ptr<accounts::AccountPool> accounts_;
  auth::Authenticator authenticator_;
  metrics::RelayMetrics metrics_;
  metrics::Log log_;
  std::unique_ptr<ledger::AccessLog> access_log_;
  std::unique_ptr<ledger::Ledger> ledger_;
  store::IdBindings bindings_;
  std::vector<std::unique_ptr<upstream::ConnectionPool>> pools_;
  upstream::RequestCoding coding_{upstream::Compress::kAlways};
  stream::TapRoom tap_room_;
  std::unique_ptr<reuse::ReplyStore> replies_;
  std::unique_ptr<ScriptedRedis> redis_;
  std::unique_ptr<MemoryDialer> redis_dialer_;
  std::unique_ptr<reuse::SharedCodec> codec_;
  std::unique_ptr<reuse::SharedPurges> purges_;
  metrics::RedisCounts redis_counts_;
  std::unique_ptr<store::RedisLink> redis_link_;
  std::unique_ptr<reuse::SharedReplies> shared_;
  std::unique_ptr<similar::Memory> similar_;
  std::unique_ptr<reuse::Foresight> foresight_;
  std::unique_ptr<reuse::Flights> flights_;
  std::unique_ptr<reuse::Resumables> resumables_;
  std::unique_ptr<reuse::ResumableList> resumable_list_;
  std::unique_ptr<relay::Refreshes> refreshes_;
  std::unique_ptr<accounts::PromptWarmth> warmth_;
  std::unique_ptr<relay::KeepWarm> keep_warm_;
  std::unique_ptr<relay::Relay> relay_;
  std::atomic<int64_t> connections_{0};
  std::unique_ptr<edge::Server> server_;
  runtime::TaskGroup clients_;
  runtime::TaskGroup background_;
};

}  // namespace baton::simulation
