#include "config/table.h"

#include <limits>

#include "config/value.h"
#include "model/outcome.h"

namespace baton::config {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t ns(Duration duration) { return static_cast<uint64_t>(duration.count()); }
constexpr uint64_t kDay = ns(24h);
constexpr uint64_t kUnlimited = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

// The rows of one struct. `at` is a lambda that gives the member.
template <class T>
struct Row {
  template <class At>
  static Setting<T> duration(std::string_view key, At at, uint64_t min, uint64_t max, std::string_view meaning) {
    return {.key = key,
            .kind = Kind::kDuration,
            .at = static_cast<Duration& (*)(T&)>(at),
            .min = min,
            .max = max,
            .meaning = meaning};
  }
  template <class At>
  static Setting<T> size(std::string_view key, At at, uint64_t min, uint64_t max, std::string_view meaning) {
    return {.key = key,
            .kind = Kind::kSize,
            .at = static_cast<uint64_t& (*)(T&)>(at),
            .min = min,
            .max = max,
            .meaning = meaning};
  }
  template <class At>
  static Setting<T> count(std::string_view key, At at, uint64_t min, uint64_t max, std::string_view meaning) {
    return {.key = key,
            .kind = Kind::kCount,
            .at = static_cast<std::invoke_result_t<At, T&> (*)(T&)>(at),
            .min = min,
            .max = max,
            .meaning = meaning};
  }
  template <class At>
  static Setting<T> share(std::string_view key, At at, std::string_view meaning) {
    return {.key = key, .kind = Kind::kShare, .at = static_cast<double& (*)(T&)>(at), .meaning = meaning};
  }
  template <class At>
  static Setting<T> flag(std::string_view key, At at, std::string_view meaning) {
    return {.key = key, .kind = Kind::kBool, .at = static_cast<bool& (*)(T&)>(at), .meaning = meaning};
  }
  template <class At>
  static Setting<T> text(std::string_view key, At at, std::string_view default_text, std::string_view meaning) {
    return {.key = key,
            .kind = Kind::kText,
            .at = static_cast<std::string& (*)(T&)>(at),
            .default_text = default_text,
            .meaning = meaning};
  }
  template <class At>
  static Setting<T> secret(std::string_view key, At at, std::string_view default_text, std::string_view meaning) {
    return {.key = key,
            .kind = Kind::kText,
            .at = static_cast<std::invoke_result_t<At, T&> (*)(T&)>(at),
            .secrecy = Secrecy::kSecret,
            .type = "secret",
            .default_text = default_text,
            .meaning = meaning};
  }
  static Setting<T> other(std::string_view key, std::string_view type, std::string_view default_text,
                          std::string_view meaning) {
    return {.key = key, .kind = Kind::kOther, .type = type, .default_text = default_text, .meaning = meaning};
  }
};

}  // namespace

std::span<const Setting<Settings>> settings_table() {
  using R = Row<Settings>;
  static const Setting<Settings> kRows[] = {
      R::other("listen", "listener, or a list", "127.0.0.1:8787",
               "Where clients call. Beyond this host a `clients` list is required."),
      R::other("admin.listen", "listener", "127.0.0.1:8788",
               "The operator's port: its page, its API, metrics, health. Beyond this host it needs `tls`."),
      R::flag(
          "admin.plaintext", [](auto& s) -> auto& { return s.admin_plaintext; },
          "The operator's port may listen beyond this host without TLS: where something else protects its token and "
          "what it shows."),
      R::text(
          "admin.ca_file", [](auto& s) -> auto& { return s.admin_ca_file; }, "the certificate of `admin.listen`",
          "PEM file with the issuers that `baton` commands trust at the operator's port, or with its certificate "
          "itself."),
      R::other("admin.hosts", "list of names", "none",
               "Names, besides loopback, that a request to the operator's port may carry as its Host."),
      R::other("admin.tokens", "list", "none",
               "Who may use the operator's API, each with a token, besides the one in `data_dir`/admin.token."),
      R::other("admin.metrics_listen", "address", "none",
               "Metrics, health and readiness, and nothing else, are here too. Any address."),
      R::flag(
          "admin.metrics_need_token", [](auto& s) -> auto& { return s.admin_metrics_need_token; },
          "/metrics is only for who has a token."),
      R::other("clients", "list", "none",
               "Who may call, each with a key. Without it only programs on this host may, whatever key they send."),
      R::flag(
          "keys_required", [](auto& s) -> auto& { return s.auth.keys_required; },
          "Every call needs a key, from this host too. Without it that begins with `clients` or with the first key "
          "that "
          "`baton keys create` makes; with it Baton may listen beyond this host before there is any."),
      R::other("trusted_proxies", "list of CIDRs", "none",
               "Whose X-Forwarded-For or PROXY header decides the client's address."),
      R::other("accounts", "list", "required", "The vendor accounts that calls are spread over."),
      R::other("routes", "list", "every call may go to every account",
               "Which calls go through which groups of accounts, and which models may stand in. The first that fits a "
               "call decides."),
      R::count(
          "attempts_max", [](auto& s) -> auto& { return s.accounts.attempts_max; }, 1, model::kAttemptsMax,
          "Tries of one call, the first included; on other accounts while there are any. Where a route has further "
          "groups or models, so many for each of them."),
      R::text(
          "public_url", [](auto& s) -> auto& { return s.public_url; }, "what the client's Host says",
          "The origin that clients reach the relay by, such as https://relay.example: written into `results_url` of "
          "batches."),
      R::text(
          "data_dir", [](auto& s) -> auto& { return s.data_dir; },
          "$XDG_STATE_HOME/baton or ~/.local/state/baton; /var/lib/baton for root",
          "Where Baton keeps what must outlive it: keys, the ledger, which account made which batch or file."),
      R::count(
          "threads", [](auto& s) -> auto& { return s.threads; }, 0, 1024, "Event loops; 0 is one per core."),
      R::size(
          "max_memory", [](auto& s) -> auto& { return s.max_memory_bytes; }, 0, kUnlimited,
          "Memory that the process may use; near it new requests are refused. 0 is no limit, otherwise at least "
          "128MiB."),
      R::duration(
          "drain_limit", [](auto& s) -> auto& { return s.drain_limit; }, 0, kDay,
          "How long open streams may finish after SIGTERM."),

      R::size(
          "edge.head_bytes_max", [](auto& s) -> auto& { return s.edge.head.total_bytes_max; }, 4 * kKiB, 1 * kMiB,
          "A request's line and header fields together; beyond it 431."),
      R::size(
          "edge.field_bytes_max", [](auto& s) -> auto& { return s.edge.head.field_bytes_max; }, 1 * kKiB, 1 * kMiB,
          "One header field; beyond it 431."),
      R::count(
          "edge.fields_max", [](auto& s) -> auto& { return s.edge.head.fields_max; }, 16, 1000,
          "Header fields of a request; beyond it 431."),
      R::size(
          "edge.target_bytes_max", [](auto& s) -> auto& { return s.edge.head.target_bytes_max; }, 256, 1 * kMiB,
          "Path and query of a request; beyond it 431."),
      R::duration(
          "edge.head_timeout", [](auto& s) -> auto& { return s.edge.head_timeout; }, ns(100ms), ns(1h),
          "From the first byte of a request's head to its end; beyond it 408."),
      R::duration(
          "edge.idle_timeout", [](auto& s) -> auto& { return s.edge.idle_timeout; }, ns(1s), kDay,
          "How long a client's connection may wait for its next request."),
      R::duration(
          "edge.body_idle_timeout", [](auto& s) -> auto& { return s.edge.body_idle_timeout; }, ns(100ms), ns(1h),
          "Silence inside a request body; beyond it 408."),
      R::duration(
          "edge.body_grace", [](auto& s) -> auto& { return s.edge.body_grace; }, 0, ns(1h),
          "How long a body may come at any rate before the minimum holds."),
      R::size(
          "edge.body_bytes_per_second_min", [](auto& s) -> auto& { return s.edge.body_bytes_per_second_min; }, 0,
          1 * kGiB, "The least rate of a request body; below it 408. 0 is none."),
      R::duration(
          "edge.write_stall_timeout", [](auto& s) -> auto& { return s.edge.write_stall_timeout; }, ns(1s), kDay,
          "How long a client may take nothing of its reply before it is cut."),
      R::count(
          "edge.connections_max", [](auto& s) -> auto& { return s.edge.connections_max; }, 1, 10'000'000,
          "Clients' connections over all loops. The process's own limit of open files comes first."),
      R::size(
          "edge.request_bytes_budget", [](auto& s) -> auto& { return s.edge.request_bytes_budget; },
          model::kBodyBytesMax, kUnlimited,
          "All request bodies in memory together; beyond it reading stops. A quarter of `max_memory` when that is set "
          "and this is not."),

      R::count(
          "upstream.idle_per_endpoint_max", [](auto& s) -> auto& { return s.upstream.idle_per_endpoint_max; }, 0,
          100'000, "Idle connections kept for one endpoint."),
      R::count(
          "upstream.warm_connections_max", [](auto& s) -> auto& { return s.upstream.warm_connections_max; }, 0, 1000,
          "Connections to one endpoint, per loop, that are made before a call needs them, as recent calls suggest. 0: "
          "none."),
      R::count(
          "upstream.connections_per_endpoint_max",
          [](auto& s) -> auto& { return s.upstream.connections_per_endpoint_max; }, 1, 1'000'000,
          "Connections to one endpoint, per loop."),
      R::count(
          "upstream.requests_per_connection_max",
          [](auto& s) -> auto& { return s.upstream.requests_per_connection_max; }, 0, kUnlimited,
          "After so many requests a connection is made anew. 0 is never."),
      R::duration(
          "upstream.idle_timeout", [](auto& s) -> auto& { return s.upstream.idle_timeout; }, ns(1s), ns(1h),
          "How long an idle connection is kept."),
      R::duration(
          "upstream.connect_timeout", [](auto& s) -> auto& { return s.upstream.connect_timeout; }, ns(10ms), ns(5min),
          "To connect to one address."),
      R::duration(
          "upstream.address_stagger", [](auto& s) -> auto& { return s.upstream.address_stagger; }, ns(10ms), ns(10s),
          "Before the next address of a name is tried beside the first."),
      R::duration(
          "upstream.tls_handshake_timeout", [](auto& s) -> auto& { return s.upstream.tls_handshake_timeout; }, ns(10ms),
          ns(5min), "For a TLS handshake."),
      R::duration(
          "upstream.first_byte_timeout", [](auto& s) -> auto& { return s.upstream.first_byte_timeout; }, ns(100ms),
          kDay, "From a request sent to the reply's head, when the call streams."),
      R::duration(
          "upstream.first_byte_timeout_unstreamed",
          [](auto& s) -> auto& { return s.upstream.first_byte_timeout_unstreamed; }, ns(100ms), kDay,
          "The same, when the call does not stream and the head comes with the whole answer."),
      R::duration(
          "upstream.idle_read_timeout", [](auto& s) -> auto& { return s.upstream.idle_read_timeout; }, ns(100ms), kDay,
          "Silence inside a reply. Pauses of 12 minutes have been healthy."),
      R::duration(
          "upstream.total_timeout", [](auto& s) -> auto& { return s.upstream.total_timeout; }, ns(1s), kDay,
          "One try as a whole."),
      R::duration(
          "upstream.dns_refresh", [](auto& s) -> auto& { return s.upstream.dns_refresh; }, ns(1s), kDay,
          "The most that an answer of DNS is believed, whatever its TTL."),
      R::duration(
          "upstream.dns_stale_max", [](auto& s) -> auto& { return s.upstream.dns_stale_max; }, 0, kDay,
          "How long the last good answer is used when DNS fails."),

      R::size(
          "stream.buffer_bytes_max", [](auto& s) -> auto& { return s.stream.buffer_bytes_max; }, 16 * kKiB, 1 * kGiB,
          "What is held of a stream whose reader is slow; then the upstream is no longer read."),
      R::size(
          "stream.held_reply_bytes_max", [](auto& s) -> auto& { return s.stream.held_reply_bytes_max; }, 64 * kKiB,
          1 * kGiB, "A reply that must be held whole; beyond it 502."),
      R::size(
          "stream.reply_bytes_budget", [](auto& s) -> auto& { return s.stream.reply_bytes_budget; }, 16 * kMiB,
          kUnlimited, "All replies that are held whole, together; beyond it they pass as they come."),
      R::duration(
          "stream.opening_hold", [](auto& s) -> auto& { return s.stream.opening_hold; }, 0, ns(1min),
          "How long message_start and pings wait for a first real event, during which another account can still take "
          "over."),
      R::size(
          "stream.opening_bytes_max", [](auto& s) -> auto& { return s.stream.opening_bytes_max; }, 1 * kKiB, 1 * kMiB,
          "What is held of an opening."),
      R::duration(
          "stream.ping_after", [](auto& s) -> auto& { return s.stream.ping_after; }, 0, ns(1h),
          "Silence before a ping of Baton's own. 0 is never."),
      R::size(
          "stream.event_bytes_max", [](auto& s) -> auto& { return s.stream.event_bytes_max; }, 4 * kKiB, 64 * kMiB,
          "Larger events pass, but are not read for usage."),

      R::duration(
          "queue.max_wait", [](auto& s) -> auto& { return s.accounts.queue.max_wait; }, 0, ns(10min),
          "How long a Messages call may wait, in all, while every account is at its limit or before one is asked "
          "again. 0: "
          "nothing waits."),
      R::count(
          "queue.length_max", [](auto& s) -> auto& { return s.accounts.queue.length_max; }, 1, 1'000'000,
          "Calls that wait, over all loops; beyond it the client with most of them is refused first, with 429."),
      R::duration(
          "queue.group_patience", [](auto& s) -> auto& { return s.accounts.queue.group_patience; }, 0, ns(10min),
          "How long a call waits for a group of its route that is busy before the next one is asked."),
      R::duration(
          "backoff.first", [](auto& s) -> auto& { return s.accounts.backoff.first; }, 0, ns(1min),
          "The least pause before an account is asked again by the same call, when it did not say how long."),
      R::duration(
          "backoff.base", [](auto& s) -> auto& { return s.accounts.backoff.base; }, ns(1ms), ns(1min),
          "The most that the first such pause takes; it doubles each time."),
      R::duration(
          "backoff.max", [](auto& s) -> auto& { return s.accounts.backoff.max; }, ns(1ms), ns(10min),
          "The most that any such pause takes."),
      R::share(
          "retry_budget.share", [](auto& s) -> auto& { return s.accounts.retry_budget.share; },
          "Repeated attempts under way, of the calls under way; beyond it an upstream's error goes to the client."),
      R::count(
          "retry_budget.least", [](auto& s) -> auto& { return s.accounts.retry_budget.least; }, 0, 1'000'000,
          "Repeated attempts under way that are always allowed."),
      R::flag(
          "hedge.enabled", [](auto& s) -> auto& { return s.accounts.hedge.enabled; },
          "A call whose first byte takes longer than that of 95 of 100 is made again beside, at another account; the "
          "first answer counts. Never for what creates something. The other one may still cost money."),
      R::duration(
          "hedge.after_least", [](auto& s) -> auto& { return s.accounts.hedge.after_least; }, 0, ns(1h),
          "Never earlier than that."),
      R::share(
          "hedge.budget_share", [](auto& s) -> auto& { return s.accounts.hedge.budget_share; },
          "The most of the calls that are made twice."),
      R::count(
          "health.failures", [](auto& s) -> auto& { return s.accounts.health.failures; }, 1, 1000,
          "Failures in a row (5xx, resets, timeouts, failed connections) after which an account is ejected."),
      R::duration(
          "health.ejection_base", [](auto& s) -> auto& { return s.accounts.health.ejection_base; }, ns(1s), kDay,
          "How long the first ejection lasts; the next ones twice, three times as long."),
      R::duration(
          "health.ejection_max", [](auto& s) -> auto& { return s.accounts.health.ejection_max; }, ns(1s), kDay,
          "The most that an ejection lasts."),
      R::share(
          "health.ejected_share_max", [](auto& s) -> auto& { return s.accounts.health.ejected_share_max; },
          "The most of all accounts that is ejected at once. The last one that is fit never is."),
      R::duration(
          "health.probe_interval", [](auto& s) -> auto& { return s.accounts.health.probe_interval; }, ns(1s), kDay,
          "How often one call is let through to an account that answered 401 or 402."),
      R::duration(
          "health.slow_start", [](auto& s) -> auto& { return s.accounts.health.slow_start; }, ns(1ms), ns(1h),
          "How long an account that came back, or joined others, takes to its full share of calls."),
      R::flag(
          "concurrency.adaptive", [](auto& s) -> auto& { return s.accounts.concurrency.adaptive; },
          "Calls in flight at an endpoint are kept where its first byte comes as fast as with little to do; beyond "
          "it "
          "they wait in the queue. For gateways and regions whose capacity is finite and not stated."),
      R::count(
          "concurrency.initial", [](auto& s) -> auto& { return s.accounts.concurrency.initial; }, 1, 1'000'000,
          "The limit to begin with."),
      R::count(
          "concurrency.least", [](auto& s) -> auto& { return s.accounts.concurrency.least; }, 1, 1'000'000,
          "The limit is never lower."),
      R::count(
          "concurrency.most", [](auto& s) -> auto& { return s.accounts.concurrency.most; }, 1, 1'000'000,
          "The limit is never higher."),
      R::share(
          "concurrency.tolerance", [](auto& s) -> auto& { return s.accounts.concurrency.tolerance; },
          "A first byte that is later by less than this share is no congestion."),
      R::duration(
          "concurrency.slack", [](auto& s) -> auto& { return s.accounts.concurrency.slack; }, 0, ns(10s),
          "Nor is one that is later by less than this."),
      R::duration(
          "concurrency.remeasure", [](auto& s) -> auto& { return s.accounts.concurrency.remeasure; }, ns(5s), kDay,
          "When so long none of its calls had room around it, an endpoint's limit is halved for a few calls, to "
          "see how "
          "fast it is with less to do."),
      R::duration(
          "probes.interval", [](auto& s) -> auto& { return s.accounts.probes.interval; }, 0, kDay,
          "How often the network's time to the endpoints of accounts that list several is measured, by ICMP echo "
          "or "
          "else by connecting. 0 is never."),
      R::duration(
          "probes.timeout", [](auto& s) -> auto& { return s.accounts.probes.timeout; }, ns(10ms), ns(1min),
          "Of one such measurement."),
      R::duration(
          "affinity.ttl", [](auto& s) -> auto& { return s.accounts.affinity.ttl; }, ns(1s), kDay,
          "How long a conversation's account is remembered after its last call."),
      R::duration(
          "affinity.patience", [](auto& s) -> auto& { return s.accounts.affinity.patience; }, 0, ns(1min),
          "How long a call waits for its conversation's account rather than move to another prompt cache."),
      R::share(
          "affinity.load_excess", [](auto& s) -> auto& { return s.accounts.affinity.load_excess; },
          "How much more than its share of the calls under way conversations may give an account; beyond it a call "
          "goes "
          "elsewhere unless its prompt's cache is worth more."),
      R::text(
          "affinity.policy", [](auto& s) -> auto& { return s.accounts.affinity.policy; }, "",
          "How a conversation's account is chosen: `cost` (where its prompt is cheapest: prompt caches, load, "
          "waiting), "
          "`session` (where it was before) or `round_robin` (in turns, to compare with)."),
      R::duration(
          "affinity.cache_ttl", [](auto& s) -> auto& { return s.accounts.affinity.cache_ttl; }, ns(1ms), kDay,
          "How long the vendor keeps a prompt's prefix after its last use."),
      R::duration(
          "affinity.cache_ttl_long", [](auto& s) -> auto& { return s.accounts.affinity.cache_ttl_long; }, ns(1ms), kDay,
          "The same for prefixes marked `ttl: 1h`."),
      R::count(
          "affinity.prefixes_max", [](auto& s) -> auto& { return s.accounts.affinity.prefixes_max; }, 1'000, 10'000'000,
          "Prefixes of prompts whose place is remembered; those used longest ago are forgotten first."),
      R::duration(
          "affinity.load_half_life", [](auto& s) -> auto& { return s.accounts.affinity.load_half_life; }, ns(1ms),
          ns(1h), "After which the input tokens that an account was given count half as its load."),
      R::duration(
          "affinity.leader_wait", [](auto& s) -> auto& { return s.accounts.affinity.leader_wait; }, 0, ns(1min),
          "How long a call waits for the first byte of another that is writing the same prefix to a prompt cache. 0: "
          "it "
          "does not, and writes it again."),
      R::count(
          "affinity.leader_tokens_min", [](auto& s) -> auto& { return s.accounts.affinity.leader_tokens_min; }, 0,
          10'000'000, "Only where so many tokens would be written twice."),
      R::share(
          "prompt_cache.keep_warm_share", [](auto& s) -> auto& { return s.accounts.warmth.keep_warm_share; },
          "Prompts that are expected back after their entry in the vendor's prompt cache has run out are asked for "
          "once "
          "more before it does (max_tokens 0), for at most this share of what calls with marked prompts cost; less "
          "while "
          "that does not pay. 0: none."),
      R::count(
          "prompt_cache.asks_max", [](auto& s) -> auto& { return s.accounts.warmth.asks_max; }, 1, 3,
          "How often in a row for one prompt."),
      R::size(
          "prompt_cache.bytes_max", [](auto& s) -> auto& { return s.accounts.warmth.bytes_max; }, 1 * kMiB, kUnlimited,
          "Requests that are held for that, packed; more are let go."),
      R::text(
          "prompt_cache.write_admission", [](auto& s) -> auto& { return s.accounts.warmth.write_admission; }, "",
          "`shadow` counts what it would have saved and lost to write only those prompts to a cache that are expected "
          "back; `off`."),
      R::size(
          "cache.bytes_max", [](auto& s) -> auto& { return s.cache.bytes_max; }, 0, kUnlimited,
          "Replies kept to answer the same call again, with all that it takes to find them. 0 turns reuse off."),
      R::size(
          "cache.disk_bytes_max", [](auto& s) -> auto& { return s.cache.disk_bytes_max; }, 0, kUnlimited,
          "Replies written to the folder `cache` of `data_dir` as well, so that a restart starts with them. They are "
          "not "
          "encrypted. 0: none; otherwise at least 16MiB makes sense."),
      R::size(
          "cache.entry_bytes_max", [](auto& s) -> auto& { return s.cache.entry_bytes_max; }, 1 * kKiB, 64 * kMiB,
          "A larger reply is not kept."),
      R::duration(
          "cache.ttl", [](auto& s) -> auto& { return s.cache.ttl; }, ns(1s), 30 * kDay,
          "How long a reply may be used again; up to a tenth is taken off, differently for each."),
      R::duration(
          "cache.stale_max", [](auto& s) -> auto& { return s.cache.stale_max; }, 0, 30 * kDay,
          "How long beyond its time a reply is held for calls that take it stale (Cache-Control of the request: "
          "max-stale, stale-while-revalidate, stale-if-error)."),
      R::duration(
          "cache.stale_while_revalidate", [](auto& s) -> auto& { return s.cache.stale.while_revalidate; }, 0, 30 * kDay,
          "What calls that may be reused allow when they do not say: a reply stale for so long is given out "
          "and asked for anew beside it."),
      R::duration(
          "cache.stale_if_error", [](auto& s) -> auto& { return s.cache.stale.if_error; }, 0, 30 * kDay,
          "The same for a stale reply in place of an upstream's error."),
      R::other("cache.stale_rules", "list", "none",
               "The same two for some calls, by their model, client or team. The first that fits a call decides."),
      R::text(
          "cache.policy", [](auto& s) -> auto& { return s.cache.policy; }, "",
          "What goes when it is full: `value` (S3-FIFO, the least valuable byte first), `s3fifo`, `tinylfu` or `lru`."),
      R::count(
          "cache.sketch_keys", [](auto& s) -> auto& { return s.cache.sketch_keys; }, 1'000, 100'000'000,
          "Keys that the policy `tinylfu` can tell apart by their use; two bytes each."),
      R::share(
          "cache.ahead_share", [](auto& s) -> auto& { return s.cache.ahead_share; },
          "Replies that are used steadily, eight times in their time or more, are asked for anew at their last use in "
          "it, for at most this share of what calls that may be reused cost; less while that proves useless. 0: none."),
      R::flag(
          "cache.coalesce", [](auto& s) -> auto& { return s.cache.coalesce; },
          "Whether calls that may be reused and ask the same at the same time share one upstream call."),
      R::size(
          "cache.flight_bytes_max", [](auto& s) -> auto& { return s.cache.flight_bytes_max; }, 256 * kKiB, 64 * kMiB,
          "Of a reply under way, what is held for readers that are behind or come late. One further behind is cut "
          "off."),
      R::size(
          "cache.flights_bytes_max", [](auto& s) -> auto& { return s.cache.flights_bytes_max; }, 1 * kMiB, kUnlimited,
          "The same of all replies together; part of `stream.reply_bytes_budget`. Beyond it nothing is held for "
          "late readers."),

      R::secret(
          "cache.redis", [](auto& s) -> auto& { return s.shared_cache.url; }, "none",
          "redis:// or rediss:// address of a Redis in which several relays share the replies that they keep: "
          "redis://[user:password@]host[:port][/database]."),
      R::secret(
          "cache.redis_secret", [](auto& s) -> auto& { return s.shared_cache.secret; }, "required with cache.redis",
          "What these relays have in common, 32 characters or more: from it follow the names of replies there and the "
          "keys that they are encrypted with."),
      R::text(
          "cache.redis_ca_file", [](auto& s) -> auto& { return s.shared_cache.ca_file; }, "the system's",
          "PEM file of the issuers that the certificate of a rediss:// server may have."),
      R::duration(
          "cache.redis_timeout", [](auto& s) -> auto& { return s.shared_cache.timeout; }, ns(1ms), ns(1s),
          "How long a call waits for Redis; then it goes on as if nothing were kept there."),
      R::duration(
          "cache.redis_wait", [](auto& s) -> auto& { return s.shared_cache.wait_max; }, 0, ns(600s),
          "How long a call waits for the reply of another relay that makes the same call. 0: relays do not wait for "
          "one another."),

      R::other("similar.rules", "list", "nobody",
               "For whom the answer to another question will do that asks the same in other words. The first that fits "
               "a call decides."),
      R::share(
          "similar.similarity_min", [](auto& s) -> auto& { return s.similar.similarity_min; },
          "How near two texts must be, beside all that tells them apart."),
      R::share(
          "similar.audit_share", [](auto& s) -> auto& { return s.similar.audit_share; },
          "Of the calls that could be served, so many are sent to the upstream to see whether it says the same."),
      R::duration(
          "similar.breaker_pause", [](auto& s) -> auto& { return s.similar.breaker_pause; }, ns(1s), 30 * kDay,
          "How long a scope is off whose answers were found wrong; then it begins to learn again."),
      R::size(
          "similar.bytes_max", [](auto& s) -> auto& { return s.similar.bytes_max; }, 1 * kMiB, kUnlimited,
          "All that is remembered of questions; scopes used longest ago are forgotten first, with what was learnt."),
      R::count(
          "similar.scope_entries_max", [](auto& s) -> auto& { return s.similar.scope_entries_max; }, 1, 1'000'000,
          "Questions of one scope; beyond it the oldest goes."),
      R::text(
          "similar.weights_file", [](auto& s) -> auto& { return s.similar.weights_file; }, "built in",
          "Weights of the embedder that `./dev bench similar --train` made."),

      R::duration(
          "resume.grace", [](auto& s) -> auto& { return s.resume.grace; }, 0, kDay,
          "How long a stream that its client wants to be able to come back to is held without it. 0 turns it off."),
      R::count(
          "resume.streams_max", [](auto& s) -> auto& { return s.resume.streams_max; }, 1, 1'000'000,
          "Such streams at once; beyond it a stream is an ordinary one. What is held of each: "
          "`cache.flight_bytes_max`."),

      R::text(
          "tracing.endpoint", [](auto& s) -> auto& { return s.tracing.endpoint; }, "none",
          "An OpenTelemetry collector that takes OTLP/HTTP, such as http://127.0.0.1:4318; without a path, /v1/traces. "
          "Without it nothing is traced."),
      R::share(
          "tracing.sample", [](auto& s) -> auto& { return s.tracing.sample; },
          "Of the calls that bring no valid traceparent, so many are traced. Others follow their caller."),
      R::other("tracing.headers", "map of secrets", "none", "Fields of each export, such as a collector's token."),
      R::text(
          "tracing.ca_file", [](auto& s) -> auto& { return s.tracing.ca_file; }, "the system's",
          "PEM certificates that the collector's is checked against."),
      R::flag(
          "tracing.propagate", [](auto& s) -> auto& { return s.tracing.propagate; },
          "The vendor gets a traceparent with the span of its attempt, in place of the client's."),
      R::count(
          "tracing.queue_calls_max", [](auto& s) -> auto& { return s.tracing.queue_calls_max; }, 16, 1'000'000,
          "Calls that wait to be exported; more are left out of the trace and counted."),
      R::duration(
          "tracing.timeout", [](auto& s) -> auto& { return s.tracing.timeout; }, ns(100ms), ns(5min),
          "For one export to be answered."),

      R::text(
          "ledger.access_log", [](auto& s) -> auto& { return s.ledger.access_log; }, "",
          "Where the line of each call goes: `stdout`, `stderr`, `off` or a file."),
      R::size(
          "ledger.log_queue_bytes_max", [](auto& s) -> auto& { return s.ledger.log_queue_bytes_max; }, 64 * kKiB,
          1 * kGiB, "Lines that wait for a slow sink; more are dropped and counted."),
      R::flag(
          "ledger.rows", [](auto& s) -> auto& { return s.ledger.rows; },
          "A row for each call in `ledger.db` below `data_dir`, which `baton usage` reads."),
      R::secret(
          "ledger.database", [](auto& s) -> auto& { return s.ledger.database; }, "none",
          "postgresql:// address of a database that holds the rows instead, in its schema `baton`, for several relays "
          "together."),
      R::flag(
          "ledger.journal", [](auto& s) -> auto& { return s.ledger.journal; },
          "Calls stand in a journal below `data_dir` until their row is written, so that a killed process loses none."),
      R::count(
          "ledger.queue_rows_max", [](auto& s) -> auto& { return s.ledger.queue_rows_max; }, 256, 10'000'000,
          "Rows that wait for the disk. When so many do, new calls are refused with 503: no row is ever dropped."),
      R::duration(
          "ledger.keep", [](auto& s) -> auto& { return s.ledger.keep; }, ns(1h), 3650 * kDay,
          "How long a row is kept."),

      R::text(
          "prices.file", [](auto& s) -> auto& { return s.ledger.prices_file; }, "none",
          "YAML file with `multiplier` and `models` as here, over the built-in prices. It is read again when it "
          "changes."),
      R::other("prices.multiplier", "number", "1", "What a contract makes of every price: 0.85 is 15 % off."),
      R::other("prices.models", "list", "none", "Prices over those of the file and the built-in ones."),

      R::other("budgets.teams", "list", "none",
               "What the keys of a team may spend together, in dollars a day or a month (UTC)."),
      R::other("budgets.clients", "list", "none",
               "What clients of this file may spend; a key made at run time carries its own budget."),
      R::text(
          "budgets.contact", [](auto& s) -> auto& { return s.ledger.budgets.contact; }, "the relay's operator",
          "Whom to ask for more: stands in the refusal of who has spent a budget."),
      R::text(
          "budgets.webhook", [](auto& s) -> auto& { return s.ledger.webhook; }, "none",
          "https:// address that is told when 50, 80 and 100 % of a budget are spent."),
      R::secret(
          "budgets.webhook_secret", [](auto& s) -> auto& { return s.ledger.webhook_secret; }, "none",
          "What those posts are signed with (HMAC-SHA256, field baton-signature); at least 16 characters."),

      R::count(
          "store.object_ids_max", [](auto& s) -> auto& { return s.store.object_ids_max; }, 1'000, 100'000'000,
          "Batch and file ids whose account is remembered; those used longest ago are forgotten first."),
      R::duration(
          "store.object_age_max", [](auto& s) -> auto& { return s.store.object_age_max; }, ns(1h), 3650 * kDay,
          "How long such an id is remembered without being used."),
      R::count(
          "store.object_ids_cached_max", [](auto& s) -> auto& { return s.store.object_ids_cached_max; }, 16, 10'000'000,
          "Such ids in memory."),
      R::duration(
          "store.busy_timeout", [](auto& s) -> auto& { return s.store.busy_timeout; }, 0, ns(10s),
          "How long a loop waits for another process that holds the file of them."),

      R::count(
          "sim.seed", [](auto& s) -> auto& { return s.sim.seed; }, 0, kUnlimited,
          "Decides everything that the simulator draws."),
      R::duration(
          "sim.first_token", [](auto& s) -> auto& { return s.sim.first_token; }, 0, ns(1h),
          "From a request to its first token."),
      R::duration(
          "sim.per_token", [](auto& s) -> auto& { return s.sim.per_token; }, 0, ns(1min), "Between tokens."),
      R::count(
          "sim.output_tokens", [](auto& s) -> auto& { return s.sim.output_tokens; }, 1, 1'000'000,
          "Tokens of a usual reply, before `max_tokens` cuts it."),
      R::duration(
          "sim.batch_duration", [](auto& s) -> auto& { return s.sim.batch_duration; }, 0, kDay,
          "How long a batch takes."),
      R::duration(
          "sim.cache_ttl", [](auto& s) -> auto& { return s.sim.cache_ttl; }, ns(1ms), kDay,
          "How long a prompt's prefix stays in the simulated prompt cache after its last use."),
      R::duration(
          "sim.cache_ttl_long", [](auto& s) -> auto& { return s.sim.cache_ttl_long; }, ns(1ms), kDay,
          "The same for prefixes marked `ttl: 1h`."),
      R::size(
          "sim.stored_bytes_max", [](auto& s) -> auto& { return s.sim.stored_bytes_max; }, 1 * kMiB, 64 * kGiB,
          "Batches and files in memory together."),
      R::share(
          "sim.errors.rate_limited", [](auto& s) -> auto& { return s.sim.errors.rate_limited; },
          "Share of requests answered 429."),
      R::share(
          "sim.errors.overloaded", [](auto& s) -> auto& { return s.sim.errors.overloaded; }, "Share answered 529."),
      R::share(
          "sim.errors.server_error", [](auto& s) -> auto& { return s.sim.errors.server_error; }, "Share answered 500."),
      R::share(
          "sim.errors.reset", [](auto& s) -> auto& { return s.sim.errors.reset; },
          "Share whose connection is reset in the middle of the reply."),
      R::share(
          "sim.errors.stream_error", [](auto& s) -> auto& { return s.sim.errors.stream_error; },
          "Share with an `error` event in the middle of the stream."),
      R::other("sim.orgs", "list", "one that takes any key, without limits",
               "The organizations that the simulator plays."),
  };
  return kRows;
}

std::span<const Setting<edge::ListenConfig>> listen_table() {
  using R = Row<edge::ListenConfig>;
  static const Setting<edge::ListenConfig> kRows[] = {
      R::other("address", "address", "required",
               "A numeric address and a port: `127.0.0.1:8787`, `0.0.0.0:8787`, `[::1]:8787`."),
      R::text(
          "tls.cert", [](auto& l) -> auto& { return l.tls.cert; }, "none",
          "PEM file with the certificate chain, leaf first: makes it HTTPS."),
      R::text(
          "tls.key", [](auto& l) -> auto& { return l.tls.key; }, "none",
          "PEM file with the certificate's key, not encrypted."),
      R::flag(
          "proxy_protocol", [](auto& l) -> auto& { return l.proxy_protocol; },
          "A PROXY v2 header comes first on every connection, from one of the `trusted_proxies`."),
  };
  return kRows;
}

std::span<const Setting<auth::ClientConfig>> client_table() {
  using R = Row<auth::ClientConfig>;
  static const Setting<auth::ClientConfig> kRows[] = {
      R::text(
          "name", [](auto& c) -> auto& { return c.name; }, "required", "Names the client in logs and metrics."),
      R::secret(
          "key", [](auto& c) -> auto& { return c.key; }, "required",
          "What the client sends as x-api-key, as a Bearer token or as baton-key; 16 to 512 characters."),
  };
  return kRows;
}

std::span<const Setting<admin::TokenConfig>> token_table() {
  using R = Row<admin::TokenConfig>;
  static const Setting<admin::TokenConfig> kRows[] = {
      R::text(
          "name", [](auto& t) -> auto& { return t.name; }, "required", "Names who has the token in the audit log."),
      R::secret(
          "token", [](auto& t) -> auto& { return t.token; }, "required",
          "32 to 512 characters, sent as a Bearer token."),
      R::other("role", "read or operate", "required",
               "read: sees everything but secrets. operate: changes things too."),
  };
  return kRows;
}

std::span<const Setting<accounts::AccountConfig>> account_table() {
  using R = Row<accounts::AccountConfig>;
  static const Setting<accounts::AccountConfig> kRows[] = {
      R::text(
          "name", [](auto& a) -> auto& { return a.name; }, "required",
          "Names the account in logs and metrics, and binds batches and files to it."),
      R::text(
          "provider", [](auto& a) -> auto& { return a.provider; }, "",
          "`anthropic`, or `simulator`: a `baton sim`, which the field `baton-sim` of a request reaches."),
      R::text(
          "base_url", [](auto& a) -> auto& { return a.base_url; }, "",
          "Where the account's calls go. http:// to loopback only."),
      R::other("endpoints", "list of URLs, or of maps with url and name", "none",
               "Where the same account answers besides base_url, with the same key and limits: regions, gateways. Each "
               "call takes the faster of two."),
      R::secret(
          "key", [](auto& a) -> auto& { return a.key; }, "required",
          "The account's key, or `passthrough`: the client's own credential goes on and Baton's key travels as "
          "baton-key."),
      R::count(
          "weight", [](auto& a) -> auto& { return a.weight; }, 1, 1000,
          "An account of weight 2 takes twice the calls of one of weight 1."),
      R::text(
          "group", [](auto& a) -> auto& { return a.group; }, "",
          "What `routes` name: a region, a provider, a reserve."),
      R::text(
          "limit_domain", [](auto& a) -> auto& { return a.limit_domain; }, "the account's name",
          "Accounts with the same one are metered together by the vendor: one organization."),
      R::text(
          "cache_domain", [](auto& a) -> auto& { return a.cache_domain; }, "limit_domain/default",
          "Accounts with the same one share a prompt cache: one workspace."),
      R::text(
          "ca_file", [](auto& a) -> auto& { return a.ca_file; }, "the system's",
          "PEM bundle of the authorities that are trusted for this account."),
      R::secret(
          "proxy", [](auto& a) -> auto& { return a.proxy; }, "none",
          "Outbound proxy: http://user:password@host:port or socks5://host:port."),
      R::flag(
          "allow_private", [](auto& a) -> auto& { return a.allow_private; },
          "base_url may lead to a loopback, private or link-local address."),
      R::text(
          "compress", [](auto& a) -> auto& { return a.compress; }, "",
          "Request bodies of 16 KB to 1 MB go packed: `off`, `auto` (where the link is so far that it saves time) or "
          "`always`. "
          "gzip, or zstd to another Baton; an endpoint that refuses gets them unpacked, for an hour."),
      R::flag(
          "show_rate_limits", [](auto& a) -> auto& { return a.show_rate_limits; },
          "anthropic-ratelimit-* fields of this account reach the client."),
      R::count(
          "requests_per_minute", [](auto& a) -> auto& { return a.requests_per_minute; }, 0, kUnlimited,
          "A ceiling of the operator's own for each model class of the limit domain; 0: what the vendor states is "
          "all."),
      R::count(
          "input_tokens_per_minute", [](auto& a) -> auto& { return a.input_tokens_per_minute; }, 0, kUnlimited,
          "The same for input tokens, without those read from the prompt cache."),
      R::count(
          "output_tokens_per_minute", [](auto& a) -> auto& { return a.output_tokens_per_minute; }, 0, kUnlimited,
          "The same for output tokens."),
  };
  return kRows;
}

std::span<const Setting<accounts::EndpointConfig>> endpoint_table() {
  using R = Row<accounts::EndpointConfig>;
  static const Setting<accounts::EndpointConfig> kRows[] = {
      R::text(
          "url", [](auto& e) -> auto& { return e.url; }, "required", "As base_url."),
      R::text(
          "name", [](auto& e) -> auto& { return e.name; }, "none", "Names it for the operator: a region."),
  };
  return kRows;
}

std::span<const Setting<ledger::Price>> price_table() {
  using R = Row<ledger::Price>;
  static const Setting<ledger::Price> kRows[] = {
      R::text(
          "model", [](auto& p) -> auto& { return p.model; }, "required",
          "The model's id. It also matches the id with a date behind, and with a `*` at its end whatever begins so; "
          "the "
          "closest match counts."),
      R::other("aliases", "list of ids", "none", "Other ids of the same model."),
      R::other("from", "day", "always", "`2026-10-07`: holds for calls from that day on (UTC); the latest one counts."),
      R::other("until", "day", "never", "The first day on which it does not hold any more."),
      R::other("input", "dollars", "required", "For a million input tokens that are in no cache."),
      R::other("output", "dollars", "required", "For a million output tokens."),
      R::other("cache_write_5m", "dollars", "1.25 × input", "For a million tokens written to the cache for 5 minutes."),
      R::other("cache_write_1h", "dollars", "2 × input", "For a million tokens written to the cache for an hour."),
      R::other("cache_read", "dollars", "0.1 × input", "For a million tokens read from the cache."),
      R::other("long_prompt", "map", "none",
               "`above` (tokens of the whole prompt) and the five prices that then hold for the whole request."),
      R::other("fast", "map", "none", "The five prices of fast mode. Without it such a call has no known cost."),
      R::other("batch", "share", "0.5", "What a batch pays of all token prices."),
      R::other("web_search", "dollars", "10", "For a thousand searches."),
      R::other("web_fetch", "dollars", "0", "For a thousand fetches."),
      R::other("multiplier", "number", "`prices.multiplier`", "For this model instead."),
  };
  return kRows;
}

std::span<const Setting<BudgetRow>> budget_table() {
  using R = Row<BudgetRow>;
  static const Setting<BudgetRow> kRows[] = {
      R::text(
          "name", [](auto& b) -> auto& { return b.name; }, "required", "The team's or the client's."),
      R::other("day", "dollars", "no limit", "What may be spent from midnight to midnight, UTC."),
      R::other("month", "dollars", "no limit", "What may be spent in a calendar month, UTC."),
      R::other("reserve", "word", "learned",
               "What a call takes until its cost is known: `learned`, what 99 of 100 calls of the same holder cost; "
               "`strict`, the most that it can cost, so that the budget is never overspent; `cap:0.5`, so many "
               "dollars."),
  };
  return kRows;
}

std::span<const Setting<sim::OrgConfig>> org_table() {
  using R = Row<sim::OrgConfig>;
  static const Setting<sim::OrgConfig> kRows[] = {
      R::text(
          "id", [](auto& o) -> auto& { return o.id; }, "", "The organization's id."),
      R::other("keys", "list", "one, `*`", "The keys that it takes."),
      R::count(
          "requests_per_minute", [](auto& o) -> auto& { return o.requests_per_minute; }, 0, kUnlimited,
          "0 is no limit."),
      R::count(
          "input_tokens_per_minute", [](auto& o) -> auto& { return o.input_tokens_per_minute; }, 0, kUnlimited,
          "0 is no limit."),
      R::count(
          "output_tokens_per_minute", [](auto& o) -> auto& { return o.output_tokens_per_minute; }, 0, kUnlimited,
          "0 is no limit."),
  };
  return kRows;
}

std::span<const Setting<sim::KeyConfig>> org_key_table() {
  using R = Row<sim::KeyConfig>;
  static const Setting<sim::KeyConfig> kRows[] = {
      R::secret(
          "key", [](auto& k) -> auto& { return k.key; }, "required", "The key, or `*` for any."),
      R::text(
          "workspace", [](auto& k) -> auto& { return k.workspace; }, "", "Keys of one workspace share a prompt cache."),
  };
  return kRows;
}

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::kText: return "text";
    case Kind::kBool: return "true or false";
    case Kind::kCount: return "number";
    case Kind::kSize: return "size";
    case Kind::kDuration: return "duration";
    case Kind::kShare: return "share";
    case Kind::kOther: return "";
  }
  return "";
}

std::string bound_text(Kind kind, uint64_t value) {
  switch (kind) {
    case Kind::kSize: return size_text(value);
    case Kind::kDuration: return duration_text(Duration{static_cast<int64_t>(value)});
    default: return std::to_string(value);
  }
}

}  // namespace baton::config
