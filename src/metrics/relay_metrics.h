// RelayMetrics: everything the relay counts, one method per fact, so that a call site reads like a sentence. Each loop
// counts in its own Shard without locks or look-ups; a scrape adds the shards up and writes the Prometheus text.
// Life: made in app/ before the loops, outlives them. Thread: a Shard belongs to one loop; text() and the methods of
// RelayMetrics itself may be called from any.
// Bounds: every label comes from a closed list (enums, statuses 100-599, the accounts that the configuration had since
// the start, kAccountLabelsMax at most; anything else is "other"), so a scrape is at most a few thousand lines whatever
// clients send.
// Source: Prometheus text exposition format 0.0.4.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/byte_budget.h"
#include "base/error.h"
#include "base/memory_pressure.h"
#include "base/units.h"
#include "metrics/counters.h"
#include "metrics/redis_counts.h"
#include "model/outcome.h"
#include "model/similarity.h"

namespace baton::metrics {

// Held: one thing that a gauge counts for as long as this object lives. Assigning another to it moves the count over,
// so that a gauge always returns to zero. Stays on its shard's loop.
class [[nodiscard]] Held {
 public:
  Held() = default;
  explicit Held(Gauge& gauge) : gauge_(&gauge) { gauge.add(1); }
  Held(Held&& other) noexcept : gauge_(std::exchange(other.gauge_, nullptr)) {}
  Held& operator=(Held&& other) noexcept {
    if (this != &other) {
      release();
      gauge_ = std::exchange(other.gauge_, nullptr);
    }
    return *this;
  }
  ~Held() { release(); }
  void release() {
    if (gauge_ != nullptr) std::exchange(gauge_, nullptr)->add(-1);
  }

 private:
  Gauge* gauge_ = nullptr;
};

// Calls of sampled traces, by what became of them: the exporter's own. Thread: any.
struct TraceCounts {
  std::atomic<uint64_t> exported{0};
  std::atomic<uint64_t> dropped_full{0};    // the queue was full
  std::atomic<uint64_t> dropped_failed{0};  // the collector did not take them
};

// Kept replies on the disk. Thread: any.
struct ReplyLogCounts {
  std::atomic<int64_t> bytes{0};
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> dropped{0};  // too many waited
  std::atomic<uint64_t> failed{0};   // the disk did not take them
  std::atomic<uint64_t> restored{0};
  std::atomic<uint64_t> damaged{0};  // places where something else stood than was written
};

class RelayMetrics {
 public:
  static constexpr size_t kAccountLabelsMax = 2048;

  struct Options {
    std::vector<std::string> accounts;  // every account that may appear as a label; more by know_accounts()
    size_t loops = 1;
    std::string version;
  };
  class Shard;

  explicit RelayMetrics(Options options);
  ~RelayMetrics();
  RelayMetrics(const RelayMetrics&) = delete;
  RelayMetrics& operator=(const RelayMetrics&) = delete;

  // The counters of one loop, `loop` < Options::loops. Lives as long as this.
  Shard& shard(size_t loop) { return *shards_[loop]; }

  // Accounts that may appear from now on, beside those known before. Any thread.
  void know_accounts(std::vector<std::string> names);

  // The log's own thread could not write these lines (a loop that finds the queue full counts on its shard).
  void access_log_dropped(uint64_t lines) { log_lines_lost_.fetch_add(lines, std::memory_order_relaxed); }

  // The operator took so much out of the reply cache.
  void cache_purged(int64_t bytes, int64_t entries) { cache_purged(bytes, entries, static_cast<uint64_t>(entries)); }

  // A share of somebody's budget was reached, and whether that could be told to the operator's webhook.
  enum class Webhook : uint8_t { kSent, kFailed, kDropped };
  void budget_warned(int percent) { ++warnings_[percent >= 100 ? 2 : percent >= 80 ? 1 : 0]; }
  void webhook(Webhook result) { ++webhooks_[static_cast<size_t>(result)]; }

  // Replacing a process while it serves: counted by the one that is there afterwards.
  void took_over() { ++take_overs_[0]; }
  void take_over_failed() { ++take_overs_[1]; }
  void predecessor_drains(bool drains) { predecessor_drains_ = drains; }

  // The shared budgets, shown as they stand. Before the first scrape; both outlive this.
  void watch_budgets(const ByteBudget& request_bytes, const ByteBudget& reply_bytes) {
    request_bytes_ = &request_bytes;
    reply_bytes_ = &reply_bytes;
  }

  // How near the process is to its memory limit. Before the first scrape; outlives this.
  void watch_memory(const MemoryPressure& pressure) { pressure_ = &pressure; }

  // How many nonces are remembered, and how many requests wait for a shared store's word on theirs (null: none is
  // shared). Before the first scrape; outlive this.
  void watch_nonces(const std::atomic<size_t>& nonces, const std::atomic<size_t>* waiting = nullptr) {
    nonces_ = &nonces;
    nonces_waiting_ = waiting;
  }

  // What similar/ remembers and its audits have shown, read at a scrape. Before the first one.
  struct Similar {
    size_t scopes = 0, entries = 0, bytes = 0;
    double error_bound = 1;
  };
  void watch_similar(std::function<Similar()> read) { similar_ = std::move(read); }
  void watch_reply_log(const ReplyLogCounts& log) { reply_log_ = &log; }
  // The same of replies in Redis.
  void watch_redis(const RedisCounts& redis) { redis_ = &redis; }
  // So much was in the reply cache before the loops began.
  void cache_restored(int64_t bytes, int64_t entries) { cache_purged(-bytes, -entries, 0); }

  void watch_traces(const TraceCounts& traces) { traces_ = &traces; }

  // The page for Prometheus: text/plain; version=0.0.4. Any thread; reads a few files of /proc, never waits for a loop.
  std::string text() const;

  // How many prefixes of prompts are remembered; read at a scrape. Before the first one.
  void watch_prefixes(std::function<size_t()> count) { prefixes_ = std::move(count); }

  const std::string& version() const { return options_.version; }

 private:
  friend class Page;
  friend class TotalsReader;
  void cache_purged(int64_t bytes, int64_t entries, uint64_t counted) {
    gone_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    gone_entries_.fetch_add(entries, std::memory_order_relaxed);
    purged_.fetch_add(counted, std::memory_order_relaxed);
  }
  // The labels of accounts by name, never changed once it is there: a larger one replaces it.
  struct Accounts {
    std::vector<std::string> names;  // sorted within what was made known at once
    std::unordered_map<std::string, size_t> index;
  };
  std::shared_ptr<const Accounts> accounts() const;

  Options options_;
  mutable std::mutex accounts_mutex_;
  std::shared_ptr<const Accounts> accounts_;
  std::atomic<uint64_t> accounts_generation_{1};
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<uint64_t> log_lines_lost_{0};
  // What no loop saw come (negative) or go.
  std::atomic<int64_t> gone_bytes_{0}, gone_entries_{0};
  std::atomic<uint64_t> purged_{0};
  std::array<std::atomic<uint64_t>, 3> warnings_{};
  std::array<std::atomic<uint64_t>, 3> webhooks_{};
  std::array<std::atomic<uint64_t>, 2> take_overs_{};  // done, failed
  std::atomic<bool> predecessor_drains_{false};
  const ByteBudget* request_bytes_ = nullptr;
  const ByteBudget* reply_bytes_ = nullptr;
  std::function<size_t()> prefixes_;
  std::function<Similar()> similar_;
  const std::atomic<size_t>* nonces_ = nullptr;
  const std::atomic<size_t>* nonces_waiting_ = nullptr;
  const MemoryPressure* pressure_ = nullptr;
  const ReplyLogCounts* reply_log_ = nullptr;
  const RedisCounts* redis_ = nullptr;
  const TraceCounts* traces_ = nullptr;
};

// Shard: what one loop has counted. Every method is a few plain additions.
class alignas(64) RelayMetrics::Shard {
 public:
  // -- A call, once, when it is closed --
  // Status, ending, duration, first byte, added time, every attempt and its verdict, why attempts were repeated, tokens
  // by account, bytes, events, pings and our own error. The ledger calls it; nobody else does.
  void call_closed(const model::Outcome& outcome);

  // -- Gauges: keep the Held for as long as the thing is there --
  Held call_in_flight() { return Held(calls_in_flight_); }
  Held stream_open() { return Held(streams_open_); }
  Held client_connection() { return Held(client_connections_); }
  Held upstream_connection_active() { return Held(upstream_active_); }
  Held upstream_connection_idle() { return Held(upstream_idle_); }

  // -- The pool --
  // Where a call's account came from, seen from its conversation's prompt cache.
  enum class Affinity : uint8_t { kNew, kKept, kMoved };
  // Why a call that waited for an account was given up.
  enum class Unserved : uint8_t { kNoAccount, kTooLate, kQueueFull, kCancelled };
  Held call_waiting() { return Held(calls_waiting_); }
  void affinity(Affinity where) { ++affinity_[static_cast<size_t>(where)]; }
  // A call waited for another that wrote its prefix; `late`: not long enough.
  void affinity_followed(bool late) { ++affinity_followed_[late ? 1 : 0]; }
  // Of a prompt that can be cached: what was expected to be read from the cache, and what was.
  void affinity_tokens(int64_t expected, int64_t read) {
    affinity_expected_ += static_cast<uint64_t>(expected);
    affinity_read_ += static_cast<uint64_t>(read);
  }
  void affinity_money(int64_t saved_nanodollars, int64_t lost_nanodollars) {
    affinity_saved_ += static_cast<uint64_t>(saved_nanodollars);
    affinity_lost_ += static_cast<uint64_t>(lost_nanodollars);
  }
  void queue_served(Duration waited) { queue_wait_.observe(waited); }
  void queue_unserved(Unserved why) { ++unserved_[static_cast<size_t>(why)]; }
  void retry_budget_refused() { ++retry_budget_refusals_; }
  // -- Budgets --
  // Why a budget did not let a call through.
  enum class OverBudget : uint8_t { kSpent, kTooDear, kWaited, kQueueFull, kCancelled, kUnpriced, kUnknown };
  Held call_waiting_for_budget() { return Held(calls_waiting_for_budget_); }
  void budget_refused(OverBudget why) { ++budget_refusals_[static_cast<size_t>(why)]; }
  // -- Signed requests --
  // kRefused: its signature could not be read, was out of time or did not fit. kUnavailable: its nonce could not be
  // kept.
  enum class Signed : uint8_t { kAccepted, kRefused, kReplayed, kBodyChanged, kUnavailable };
  void signed_request(Signed how) { ++signed_[static_cast<size_t>(how)]; }
  void hedged() { ++hedges_; }
  void hedge_won() { ++hedges_won_; }
  // -- The reply cache --
  // Bytes and entries that this loop put in, or (negative) saw go.
  void cache_grew(int64_t bytes, int64_t entries) {
    cache_bytes_.add(bytes);
    cache_entries_.add(entries);
  }
  void cache_stored() { ++cache_stored_; }
  void cache_evicted(uint64_t entries) { cache_evicted_ += entries; }
  void cache_expired(uint64_t entries) { cache_expired_ += entries; }
  // Kept answers that are asked for anew while nobody waits; one that was not, for there were too many.
  Held refresh() { return Held(refreshes_); }
  void refresh_skipped() { ++refreshes_skipped_; }
  // Kept answers asked for anew before their time was over, what was not for want of money, and how it turned out.
  void foreseen(bool asked, bool no_money, uint32_t useful, uint32_t wasted) {
    foreseen_[0] += asked ? 1 : 0;
    foreseen_[1] += no_money ? 1 : 0;
    foreseen_[2] += useful;
    foreseen_[3] += wasted;
  }
  // -- Prompts kept in the vendors' caches --
  // Asked for once more, left for want of money or room, or asked for and not there any more; and how those that were
  // asked for turned out; dollars in nanodollars.
  enum class Warm : uint8_t { kAsked, kNoMoney, kNoRoom, kFailed };
  void warm(Warm what) { ++warm_[static_cast<size_t>(what)]; }
  void warmed(uint32_t useful, uint32_t wasted, int64_t saved_nanodollars) {
    warm_[4] += useful;
    warm_[5] += wasted;
    prompt_money_[1] += static_cast<uint64_t>(saved_nanodollars);
  }
  void warm_spent(int64_t nanodollars) { prompt_money_[0] += static_cast<uint64_t>(nanodollars); }
  // Writes that the gate would not (left) or would have let through, by whether they were read in time, and what
  // leaving the first would have saved and lost.
  void write_gate(const std::array<uint32_t, 4>& writes, int64_t saved_nanodollars, int64_t lost_nanodollars) {
    for (size_t i = 0; i < writes.size(); ++i) write_gate_[i] += writes[i];
    prompt_money_[2] += static_cast<uint64_t>(saved_nanodollars);
    prompt_money_[3] += static_cast<uint64_t>(lost_nanodollars);
  }
  // -- Answers to the same question in other words --
  void similar(model::SimilarResult result) { ++similar_[static_cast<size_t>(result)]; }
  void similar_guarded(model::SimilarGuard guard) { ++similar_guards_[static_cast<size_t>(guard)]; }
  void similar_unfit() { ++similar_unfit_; }  // a call that may have one, but is not all text or too long
  // What the upstream said beside it; nothing: it cannot be told.
  void similar_compared(std::optional<bool> same) { ++similar_compared_[same ? (*same ? 1 : 2) : 0]; }
  void similar_tripped() { ++similar_trips_; }
  // Upstream calls that others may read along, and who reads another's.
  Held flight() { return Held(flights_); }
  Held flight_reader() { return Held(flight_readers_); }
  // A reader makes the call whose maker failed; a reader was too far behind.
  void flight_promoted() { ++flight_promotions_; }
  void flight_lost() { ++flight_losses_; }
  // Streams that their clients may come back to; who came, and whether it was there.
  Held resumable_stream() { return Held(resumable_streams_); }
  void stream_resumed(bool found) { ++(found ? resumes_ : resumes_unknown_); }
  void resumable_refused() { ++resumables_refused_; }
  // A complete reply of a call that might have been kept was not worth it or not allowed to be.
  void cache_not_stored() { ++cache_not_stored_; }

  // -- Facts that belong to no call --
  void upstream_connected() { ++connects_[kConnectedIndex]; }
  // Connections made before a call needed one, and what became of them.
  enum class Preconnect : uint8_t { kMade, kUsed, kWasted };
  // A request body went up packed and was so many bytes smaller; an endpoint did not take a packed one.
  void request_packed(uint64_t bytes_saved) {
    ++requests_packed_;
    request_bytes_saved_ += bytes_saved;
  }
  void request_coding_refused() { ++request_codings_refused_; }
  void preconnect(Preconnect what) { ++preconnects_[static_cast<size_t>(what)]; }
  void upstream_connect_failed(ErrorCode why) { ++connects_[static_cast<size_t>(why)]; }
  void body_budget_refused() { ++body_budget_refusals_; }
  void memory_refused() { ++memory_refusals_; }
  // Connections that were closed at once for want of a descriptor.
  void connections_refused(uint64_t count) { connections_refused_ += count; }
  void access_log_dropped(uint64_t lines) { access_log_dropped_ += lines; }
  // An error that was answered, or a connection that was closed, before there was a call to close (a malformed head).
  void error_without_call(ErrorCode code) { ++errors_[static_cast<size_t>(code)]; }
  // The longest turn of the loop since the last report, from Loop::take_longest_turn(), about once a second.
  void loop_stalled(Duration longest_turn) { loop_stall_.observe(longest_turn); }

  explicit Shard(const RelayMetrics& owner);

 private:
  friend class Page;
  friend class TotalsReader;
  static constexpr size_t kOperations = static_cast<size_t>(model::Operation::kNone) + 1;
  static constexpr size_t kEndings = static_cast<size_t>(model::Ending::kUnknown) + 1;
  static constexpr size_t kCacheUses = static_cast<size_t>(model::CacheUse::kWarm) + 1;
  static constexpr size_t kSavings = 5;  // hit, stale, coalesced, similar, resumed
  static constexpr size_t kResults = static_cast<size_t>(model::AttemptResult::kCancelled) + 1;
  static constexpr size_t kErrors = static_cast<size_t>(ErrorCode::kInternal) + 1;
  static constexpr size_t kConnectedIndex = kErrors;
  static constexpr int kStatusMin = 100;
  static constexpr int kStatusMax = 599;
  static constexpr size_t kStatusNone = kStatusMax - kStatusMin + 1;  // nothing was sent
  static constexpr size_t kStatusOther = kStatusNone + 1;
  static constexpr size_t kStatuses = kStatusOther + 1;

  struct Tokens {
    void count(const model::Usage& usage);
    Counter input, output, cache_read, cache_write_5m, cache_write_1h, cache_write;
    Counter thinking, web_searches, web_fetches;
  };
  struct AccountCounters {
    std::array<Counter, kResults> attempts;
    Tokens tokens;
  };

  AccountCounters& account(const std::string& name);
  static size_t saving_index(const model::Outcome& outcome);
  static size_t status_index(int status);
  static size_t error_index(std::string_view code);

  const RelayMetrics& owner_;
  Gauge calls_in_flight_, streams_open_, client_connections_, upstream_active_, upstream_idle_;
  Gauge cache_bytes_, cache_entries_;
  Gauge refreshes_;
  Counter refreshes_skipped_;
  Gauge flights_, flight_readers_, resumable_streams_;
  Counter resumes_, resumes_unknown_, resumables_refused_;
  Counter flight_promotions_, flight_losses_;
  Counter cache_stored_, cache_not_stored_, cache_evicted_, cache_expired_;
  Counter memory_refusals_, connections_refused_;
  Counter body_budget_refusals_, access_log_dropped_, pings_, events_, request_bytes_, reply_bytes_;
  Histogram duration_{kDurationBounds};
  Histogram first_byte_{kFirstByteBounds};
  Histogram added_{kAddedBounds};
  Histogram loop_stall_{kStallBounds};
  std::array<Counter, kStatuses> statuses_;
  std::array<std::array<Counter, kEndings>, kOperations> calls_;
  std::array<Counter, kCacheUses> cache_uses_;
  std::array<Counter, 4> foreseen_;
  std::array<Counter, 6> warm_;          // as Warm, then useful and wasted
  std::array<Counter, 4> write_gate_;    // left and read, left, written and read, written
  std::array<Counter, 4> prompt_money_;  // nanodollars: spent and saved on warmth, saved and lost by the gate
  std::array<Counter, model::kSimilarResults> similar_;
  std::array<Counter, model::kSimilarGuards> similar_guards_;
  std::array<Counter, 3> similar_compared_;  // not known, same, other
  Counter similar_unfit_, similar_trips_;
  std::array<Counter, kSavings> saved_;  // nanodollars
  std::array<Counter, kErrors> errors_;
  std::array<Counter, kErrors + 1> connects_;
  std::array<Counter, 3> preconnects_;
  Counter requests_packed_, request_bytes_saved_, request_codings_refused_;
  std::array<Counter, kResults> retries_;
  Gauge calls_waiting_, calls_waiting_for_budget_;
  std::array<Counter, 7> budget_refusals_;
  Counter retry_budget_refusals_;
  Counter hedges_;
  Counter hedges_won_;
  std::array<Counter, 3> affinity_;
  std::array<Counter, 2> affinity_followed_;
  Counter affinity_expected_, affinity_read_, affinity_saved_, affinity_lost_;  // tokens, nanodollars
  std::array<Counter, 4> unserved_;
  std::array<Counter, 5> signed_;
  Histogram queue_wait_{kFirstByteBounds};
  // By label, each made when it is first counted; the scrape reads them while the loop adds more.
  std::array<std::atomic<AccountCounters*>, kAccountLabelsMax> accounts_{};
  std::vector<std::unique_ptr<AccountCounters>> own_accounts_;
  AccountCounters other_account_;
  std::shared_ptr<const Accounts> account_labels_;
  uint64_t accounts_generation_ = 0;
};

}  // namespace baton::metrics
