#include "config/consistency.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "cache/policy.h"
#include "config/redis_url.h"
#include "config/url.h"
#include "config/value.h"
#include "model/route.h"

namespace baton::config {
namespace {

constexpr size_t kMemoryBytesMin = 128 * kMiB;
constexpr size_t kDatabaseUrlBytesMax = 2048;
constexpr size_t kSharedSecretBytesMin = 32;

bool is_wildcard(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

std::string shown(const edge::ListenConfig& listener) {
  const bool v6 = listener.address.find(':') != std::string::npos;
  return (v6 ? "[" + listener.address + "]:" : listener.address + ":") + std::to_string(listener.port);
}

bool same_port(const edge::ListenConfig& a, const edge::ListenConfig& b) {
  return a.port == b.port && a.port != 0 &&
         (a.address == b.address || is_wildcard(a.address) || is_wildcard(b.address));
}

class Check {
 public:
  Check(const LoadOptions& options, const FileReader* file, Settings& settings)
      : options_(options), file_(file), settings_(settings) {}

  void run() {
    order_pairs();
    size_memory();
    check_listeners();
    check_accounts();
    check_routes();
    check_public_url();
    check_tracing();
    check_ledger();
    check_error_mix();
    check_affinity_policy();
    check_cache_policy();
    check_shared_cache();
    check_write_admission();
  }

 private:
  bool given(const std::string& key) const { return file_ != nullptr && file_->given(key); }

  [[noreturn]] void refuse(const std::string& key, std::string reason) const {
    if (file_ != nullptr && !key.starts_with('-')) file_->source().refuse(file_->line_of(key), key, std::move(reason));
    throw Problem{{}, 0, key, std::move(reason), {}};
  }

  // `small` must not be larger than `large`: a given one is refused, a default follows.
  template <class T>
  void order(const std::string& small_key, T& small, const std::string& large_key, const T& large) const {
    if (small <= large) return;
    if (given(small_key)) refuse(small_key, "must not be larger than " + large_key);
    small = large;
  }

  void order_pairs() {
    accounts::Config& pool = settings_.accounts;
    order("backoff.first", pool.backoff.first, "backoff.base", pool.backoff.base);
    order("backoff.base", pool.backoff.base, "backoff.max", pool.backoff.max);
    order("health.ejection_base", pool.health.ejection_base, "health.ejection_max", pool.health.ejection_max);
    order("concurrency.least", pool.concurrency.least, "concurrency.most", pool.concurrency.most);
    http::HeadLimits& head = settings_.edge.head;
    order("edge.field_bytes_max", head.field_bytes_max, "edge.head_bytes_max", head.total_bytes_max);
    order("edge.target_bytes_max", head.target_bytes_max, "edge.head_bytes_max", head.total_bytes_max);
    stream::Config& stream = settings_.stream;
    order("stream.opening_bytes_max", stream.opening_bytes_max, "stream.buffer_bytes_max", stream.buffer_bytes_max);
    upstream::Config& up = settings_.upstream;
    order("upstream.first_byte_timeout", up.first_byte_timeout, "upstream.total_timeout", up.total_timeout);
    order("upstream.first_byte_timeout_unstreamed", up.first_byte_timeout_unstreamed, "upstream.total_timeout",
          up.total_timeout);
    order("upstream.idle_read_timeout", up.idle_read_timeout, "upstream.total_timeout", up.total_timeout);
  }

  void size_memory() {
    const size_t limit = settings_.max_memory_bytes;
    if (limit == 0) return;
    if (limit < kMemoryBytesMin) refuse("max_memory", "must be 0 or at least " + size_text(kMemoryBytesMin));
    size_t& budget = settings_.edge.request_bytes_budget;
    if (!given("edge.request_bytes_budget")) budget = std::max(limit / 4, model::kBodyBytesMax);
    order("edge.request_bytes_budget", budget, "max_memory", limit);
  }

  void check_listeners() const {
    const std::string admin_key = options_.admin ? "--admin" : "admin.listen";
    const std::string listen_key = options_.listen ? "--listen" : "listen";
    if (!is_loopback_name(settings_.admin.address) && !settings_.admin.tls.set() && !settings_.admin_plaintext) {
      refuse(admin_key, shown(settings_.admin) +
                            " can be reached from beyond this host, and without TLS anyone on the way could read the "
                            "operator's token: give it tls (cert and key), listen on 127.0.0.1 and come through an SSH "
                            "tunnel, or say admin.plaintext: true where something else protects the way");
    }
    if (const auto& metrics = settings_.admin_metrics) {
      for (const edge::ListenConfig& listener : settings_.edge.listen) {
        if (same_port(listener, *metrics))
          refuse("admin.metrics_listen", shown(listener) + " is where clients call already");
      }
      if (same_port(settings_.admin, *metrics))
        refuse("admin.metrics_listen", shown(*metrics) + " is the operator's port, which has the metrics already");
    }
    for (const edge::ListenConfig& listener : settings_.edge.listen) {
      if (same_port(listener, settings_.admin)) refuse(admin_key, shown(listener) + " is where clients call already");
      if (listener.proxy_protocol && settings_.auth.trusted_proxies.empty()) {
        refuse(listen_key, "proxy_protocol needs trusted_proxies: without them nobody's PROXY header is believed");
      }
      const bool guarded =
          options_.purpose == Purpose::kSimulate || !settings_.auth.clients.empty() || settings_.auth.keys_required;
      if (!guarded && !is_loopback_name(listener.address)) {
        refuse(listen_key,
               shown(listener) +
                   " can be reached from beyond this host, and without a `clients` list anyone there could "
                   "spend the account's key: add clients, set keys_required, start with --print-key, or listen on "
                   "127.0.0.1");
      }
    }
  }

  void check_accounts() const {
    if (options_.purpose == Purpose::kSimulate || settings_.simulated || !settings_.accounts.accounts.empty()) return;
    refuse("accounts", "there is none: add at least one account, or start without --config to try the simulator");
  }

  void check_routes() const {
    std::set<std::string> groups;
    for (const accounts::AccountConfig& account : settings_.accounts.accounts) groups.insert(account.group);
    if (groups.size() > accounts::kGroupsMax)
      refuse("accounts", "must be of at most " + std::to_string(accounts::kGroupsMax) + " groups");
    for (const accounts::RouteConfig& route : settings_.accounts.routes) {
      for (const std::string& group : route.groups) {
        if (!groups.contains(group)) refuse("routes", "names the group " + group + ", which no account has");
      }
    }
  }

  void check_public_url() {
    if (settings_.public_url.empty()) return;
    static constexpr std::array<std::string_view, 2> kSchemes{"https", "http"};
    const auto url = parse_url(settings_.public_url, {.schemes = kSchemes});
    if (!url) refuse("public_url", url.error());
    settings_.public_url = url->text();
  }

  // What else stands in it is the server's library's to read; no sentence repeats it.
  void check_ledger() {
    const std::string_view url = settings_.ledger.database.reveal();
    if (url.empty()) return;
    const std::string key = "ledger.database";
    if (!url.starts_with("postgresql://") && !url.starts_with("postgres://"))
      refuse(key, "must be an address such as postgresql://user@host/database");
    if (url.size() > kDatabaseUrlBytesMax)
      refuse(key, "is longer than " + std::to_string(kDatabaseUrlBytesMax) + " characters");
    if (!settings_.ledger.rows) refuse(key, "holds the rows that ledger.rows turns off: only one of them can be meant");
  }

  void check_tracing() {
    trace::Config& tracing = settings_.tracing;
    if (tracing.endpoint.empty()) return;
    static constexpr std::array<std::string_view, 2> kSchemes{"https", "http"};
    const auto url = parse_url(tracing.endpoint, {.schemes = kSchemes, .path = true});
    if (!url) refuse("tracing.endpoint", url.error());
    if (url->scheme == "http" && !is_loopback_name(url->host) && !tracing.headers.empty())
      refuse("tracing.endpoint", "must be https beyond this host: tracing.headers would travel in the clear");
    tracing.endpoint = url->text();
  }

  void check_error_mix() const {
    const sim::ErrorMix& mix = settings_.sim.errors;
    const double sum = mix.rate_limited + mix.overloaded + mix.server_error + mix.reset + mix.stream_error;
    if (sum > 1.0000001) refuse("sim.errors", "must not add up to more than 1");
  }

  void check_affinity_policy() const {
    const std::string& policy = settings_.accounts.affinity.policy;
    if (policy != "cost" && policy != "session" && policy != "round_robin")
      refuse("affinity.policy", "must be cost, session or round_robin");
  }
  void check_write_admission() const {
    const std::string& mode = settings_.accounts.warmth.write_admission;
    if (mode != "off" && mode != "shadow") refuse("prompt_cache.write_admission", "must be off or shadow");
  }
  void check_cache_policy() const {
    if (!cache::parse_policy(settings_.cache.policy)) refuse("cache.policy", "must be value, s3fifo, tinylfu or lru");
  }

  // No sentence repeats what stands in it.
  void check_shared_cache() const {
    const reuse::SharedConfig& shared = settings_.shared_cache;
    if (!shared.on()) {
      if (!shared.secret.empty()) refuse("cache.redis_secret", "has no use without cache.redis");
      return;
    }
    const auto place = parse_redis_url(shared.url.reveal());
    if (!place) refuse("cache.redis", place.error());
    if (shared.secret.empty()) refuse("cache.redis", "needs cache.redis_secret, from which its keys follow");
    if (shared.secret.reveal().size() < kSharedSecretBytesMin)
      refuse("cache.redis_secret", "must have 32 characters or more, the same for all relays that use this Redis");
    if (settings_.cache.bytes_max == 0) refuse("cache.redis", "holds replies, and cache.bytes_max keeps none");
    if (!shared.ca_file.empty() && !place->tls) refuse("cache.redis_ca_file", "has no use without rediss://");
  }

  const LoadOptions& options_;
  const FileReader* file_;
  Settings& settings_;
};

}  // namespace

void check_consistency(const LoadOptions& options, const FileReader* file, Settings& settings) {
  Check(options, file, settings).run();
}

}  // namespace baton::config
