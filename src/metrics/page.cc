// The Prometheus page: adds up the shards and hands the sums to prometheus-cpp, which writes the text.
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <sstream>

#include "metrics/process_facts.h"
#include "metrics/redis_page.h"
#include "metrics/relay_metrics.h"

namespace baton::metrics {

using Labels = std::vector<prometheus::ClientMetric::Label>;

// Divided, not multiplied by 1e-9, which would round twice and show in the text.
constexpr double seconds_of(double ns) { return ns / 1e9; }

class Page {
 public:
  explicit Page(const RelayMetrics& metrics) : metrics_(metrics) {}

  std::string write();

 private:
  using Shard = RelayMetrics::Shard;

  prometheus::MetricFamily& family(std::string name, std::string help, prometheus::MetricType type) {
    return families_.emplace_back(
        prometheus::MetricFamily{.name = std::move(name), .help = std::move(help), .type = type, .metric = {}});
  }
  prometheus::MetricFamily& counters(std::string name, std::string help) {
    return family(std::move(name), std::move(help), prometheus::MetricType::Counter);
  }
  prometheus::MetricFamily& gauges(std::string name, std::string help) {
    return family(std::move(name), std::move(help), prometheus::MetricType::Gauge);
  }
  static void add(prometheus::MetricFamily& to, Labels labels, double value) {
    prometheus::ClientMetric& metric = to.metric.emplace_back();
    metric.label = std::move(labels);
    (to.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  // Adds the row unless it is zero: label sets that never happened would be most of the page.
  static void add_if_any(prometheus::MetricFamily& to, Labels labels, uint64_t value) {
    if (value != 0) add(to, std::move(labels), static_cast<double>(value));
  }
  template <class Pick>
  uint64_t sum(Pick pick) const {
    uint64_t total = 0;
    for (const auto& shard : metrics_.shards_) total += pick(*shard).value();
    return total;
  }
  template <class Pick>
  double level(Pick pick) const {
    int64_t total = 0;
    for (const auto& shard : metrics_.shards_) total += pick(*shard).value();
    return static_cast<double>(total);
  }
  template <class Pick>
  void histogram(std::string name, std::string help, Pick pick) {
    prometheus::ClientMetric metric;
    std::span<const Duration> bounds = pick(*metrics_.shards_[0]).bounds();
    uint64_t count = 0;
    for (size_t bucket = 0; bucket <= bounds.size(); ++bucket) {
      for (const auto& shard : metrics_.shards_) count += pick(*shard).count(bucket);
      double bound = bucket < bounds.size() ? seconds_of(static_cast<double>(bounds[bucket].count()))
                                            : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
    }
    uint64_t sum_ns = 0;
    for (const auto& shard : metrics_.shards_) sum_ns += pick(*shard).sum_ns();
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = seconds_of(static_cast<double>(sum_ns));
    family(std::move(name), std::move(help), prometheus::MetricType::Histogram).metric.push_back(std::move(metric));
  }

  void calls();
  void attempts();
  void pool();
  void budgets();
  void tokens();
  void cache();
  void similar();
  void flights();
  void resumables();
  void connections();
  void bounds();
  void process();
  std::string account_label(size_t index) const {
    return index < accounts_->names.size() ? accounts_->names[index] : "other";
  }
  size_t account_labels() const { return accounts_->names.size() + 1; }
  // Of one account on one loop; none where it has counted nothing of it.
  const Shard::AccountCounters& account(const Shard& shard, size_t index) const {
    if (index >= accounts_->names.size()) return shard.other_account_;
    const auto* counters = shard.accounts_[index].load(std::memory_order_acquire);
    return counters != nullptr ? *counters : none_;
  }

  const RelayMetrics& metrics_;
  const std::shared_ptr<const RelayMetrics::Accounts> accounts_ = metrics_.accounts();
  const Shard::AccountCounters none_;
  std::vector<prometheus::MetricFamily> families_;
};

std::string RelayMetrics::text() const { return Page(*this).write(); }

std::string Page::write() {
  calls();
  attempts();
  pool();
  budgets();
  tokens();
  cache();
  similar();
  flights();
  resumables();
  connections();
  bounds();
  process();
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_);
  return std::move(out).str();
}

void Page::calls() {
  auto& requests = counters("claude_requests_total", "Calls closed, by the status the client got.");
  for (size_t i = 0; i < Shard::kStatuses; ++i) {
    std::string status = i == Shard::kStatusNone    ? "none"
                         : i == Shard::kStatusOther ? "other"
                                                    : std::to_string(Shard::kStatusMin + static_cast<int>(i));
    uint64_t count = sum([i](const Shard& s) -> auto& { return s.statuses_[i]; });
    if (count != 0 || status == "200") add(requests, {{"status", std::move(status)}}, static_cast<double>(count));
  }
  histogram("claude_request_duration", "Seconds a call took, from its request to its end.",
            [](const Shard& s) -> auto& { return s.duration_; });
  auto& by_operation = counters("baton_calls_total", "Calls closed, by operation and how they ended for the client.");
  for (size_t i = 0; i < Shard::kOperations; ++i) {
    for (size_t j = 0; j < Shard::kEndings; ++j) {
      add_if_any(by_operation,
                 {{"operation", std::string(name(static_cast<model::Operation>(i)))},
                  {"ending", std::string(name(static_cast<model::Ending>(j)))}},
                 sum([i, j](const Shard& s) -> auto& { return s.calls_[i][j]; }));
    }
  }
  add(gauges("baton_calls_in_flight", "Calls that are not closed yet."), {},
      level([](const Shard& s) -> auto& { return s.calls_in_flight_; }));
  add(gauges("baton_streams_open", "Streamed replies on their way."), {},
      level([](const Shard& s) -> auto& { return s.streams_open_; }));
  histogram("baton_first_byte_seconds", "Seconds from a complete request to the first byte of its reply.",
            [](const Shard& s) -> auto& { return s.first_byte_; });
  histogram("baton_added_seconds", "Seconds of the first byte's time that were spent in the relay itself.",
            [](const Shard& s) -> auto& { return s.added_; });
  auto& errors = counters("baton_errors_total", "Errors that the relay itself answered, or closed a connection with.");
  for (size_t i = 0; i < Shard::kErrors; ++i) {
    add_if_any(errors, {{"code", std::string(name(static_cast<ErrorCode>(i)))}},
               sum([i](const Shard& s) -> auto& { return s.errors_[i]; }));
  }
  add(counters("baton_stream_events_total", "Events of streamed replies that were forwarded."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.events_; })));
  add(counters("baton_pings_sent_total", "Pings of the relay's own in streams that were silent."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.pings_; })));
  add(counters("baton_request_body_bytes_total", "Bytes of request bodies of closed calls."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.request_bytes_; })));
  add(counters("baton_reply_body_bytes_total", "Bytes of reply bodies of closed calls."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.reply_bytes_; })));
}

void Page::attempts() {
  auto& by_account = counters("baton_attempts_total", "Tries at an account, by what came of them.");
  for (size_t i = 0; i < account_labels(); ++i) {
    for (size_t j = 0; j < Shard::kResults; ++j) {
      add_if_any(by_account,
                 {{"account", account_label(i)}, {"verdict", std::string(name(static_cast<model::AttemptResult>(j)))}},
                 sum([&](const Shard& s) -> auto& { return account(s, i).attempts[j]; }));
    }
  }
  auto& retries = counters("baton_retries_total", "Attempts that were followed by another one, by why.");
  for (size_t i = 0; i < Shard::kResults; ++i) {
    add_if_any(retries, {{"why", std::string(name(static_cast<model::AttemptResult>(i)))}},
               sum([i](const Shard& s) -> auto& { return s.retries_[i]; }));
  }
}

void Page::pool() {
  add(gauges("baton_calls_waiting", "Calls that wait for an account."), {},
      level([](const Shard& s) -> auto& { return s.calls_waiting_; }));
  histogram("baton_queue_wait_seconds", "Seconds that calls waited for an account, of those that got one.",
            [](const Shard& s) -> auto& { return s.queue_wait_; });
  static constexpr const char* kWhy[] = {"no_account", "too_late", "queue_full", "cancelled"};
  auto& unserved =
      counters("baton_queue_unserved_total", "Calls that no account could take in time, by why they were given up.");
  for (size_t i = 0; i < std::size(kWhy); ++i) {
    add_if_any(unserved, {{"why", kWhy[i]}}, sum([i](const Shard& s) -> auto& { return s.unserved_[i]; }));
  }
  static constexpr const char* kSigned[] = {"accepted", "refused", "replayed", "body_changed", "unavailable"};
  auto& signatures = counters("baton_signed_requests_total",
                              "Requests that came with a signature instead of a key, by what was made of it.");
  for (size_t i = 0; i < std::size(kSigned); ++i) {
    add_if_any(signatures, {{"result", kSigned[i]}}, sum([i](const Shard& s) -> auto& { return s.signed_[i]; }));
  }
  if (const TraceCounts* traces = metrics_.traces_) {
    auto& calls = counters("baton_trace_calls_total", "Calls of sampled traces, by what became of them.");
    add(calls, {{"result", "exported"}}, static_cast<double>(traces->exported.load(std::memory_order_relaxed)));
    add(calls, {{"result", "queue_full"}}, static_cast<double>(traces->dropped_full.load(std::memory_order_relaxed)));
    add(calls, {{"result", "not_taken"}}, static_cast<double>(traces->dropped_failed.load(std::memory_order_relaxed)));
  }
  const auto watched = [&](const std::atomic<size_t>* figure, const char* name, const char* help) {
    if (figure != nullptr) add(gauges(name, help), {}, static_cast<double>(figure->load(std::memory_order_relaxed)));
  };
  watched(metrics_.nonces_, "baton_nonces", "Nonces of signed requests that are remembered, so that each counts once.");
  watched(metrics_.nonces_waiting_, "baton_nonces_waiting", "Signed requests that wait for the shared database.");
  add(counters("baton_retry_budget_refusals_total",
               "Attempts that were not repeated because the retry budget was spent."),
      {}, static_cast<double>(sum([](const Shard& s) -> auto& { return s.retry_budget_refusals_; })));
  add(counters("baton_hedges_total", "Attempts that were made beside a slow one."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.hedges_; })));
  add(counters("baton_hedges_won_total", "Of those, the ones that answered first."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.hedges_won_; })));
  static constexpr const char* kWhere[] = {"new", "kept", "moved"};
  auto& affinity =
      counters("baton_affinity_total", "Calls of conversations, by whether their account is that of the call before.");
  for (size_t i = 0; i < std::size(kWhere); ++i) {
    add_if_any(affinity, {{"account", kWhere[i]}}, sum([i](const Shard& s) -> auto& { return s.affinity_[i]; }));
  }
  static constexpr const char* kFollowed[] = {"ready", "late"};
  auto& followed = counters("baton_affinity_follows_total",
                            "Waits for another call that was writing the same prefix, by how they ended.");
  for (size_t i = 0; i < std::size(kFollowed); ++i) {
    add_if_any(followed, {{"end", kFollowed[i]}},
               sum([i](const Shard& s) -> auto& { return s.affinity_followed_[i]; }));
  }
  auto& tokens =
      counters("baton_affinity_tokens_total",
               "Input tokens of prompts that can be cached: expected in the account's cache (estimated), and "
               "read from it.");
  add_if_any(tokens, {{"kind", "expected"}}, sum([](const Shard& s) -> auto& { return s.affinity_expected_; }));
  add_if_any(tokens, {{"kind", "read"}}, sum([](const Shard& s) -> auto& { return s.affinity_read_; }));
  const auto dollars = [](uint64_t nanodollars) { return static_cast<double>(nanodollars) * 1e-9; };
  add(counters("baton_affinity_saved_dollars_total",
               "What reading from prompt caches saved, against accounts chosen blindly."),
      {}, dollars(sum([](const Shard& s) -> auto& { return s.affinity_saved_; })));
  add(counters("baton_affinity_lost_dollars_total",
               "What it cost to write prefixes again that another account held, which could not take the call."),
      {}, dollars(sum([](const Shard& s) -> auto& { return s.affinity_lost_; })));
  add(gauges("baton_affinity_prefixes", "Prefixes of prompts whose places in prompt caches are remembered."), {},
      metrics_.prefixes_ ? static_cast<double>(metrics_.prefixes_()) : 0);
}

void Page::budgets() {
  add(gauges("baton_budget_calls_waiting", "Calls that wait for others to settle with the same budget."), {},
      level([](const Shard& s) -> auto& { return s.calls_waiting_for_budget_; }));
  static constexpr const char* kWhy[] = {"spent",     "too_dear", "waited", "queue_full",
                                         "cancelled", "unpriced", "unknown"};
  auto& refused = counters("baton_budget_refusals_total", "Calls that a budget did not let through, by why.");
  for (size_t i = 0; i < std::size(kWhy); ++i) {
    add_if_any(refused, {{"why", kWhy[i]}}, sum([i](const Shard& s) -> auto& { return s.budget_refusals_[i]; }));
  }
  static constexpr const char* kShares[] = {"50", "80", "100"};
  auto& warned = counters("baton_budget_warnings_total", "Budgets of which so many percent were reached.");
  for (size_t i = 0; i < std::size(kShares); ++i) add_if_any(warned, {{"percent", kShares[i]}}, metrics_.warnings_[i]);
  static constexpr const char* kResults[] = {"sent", "failed", "dropped"};
  auto& webhooks = counters("baton_budget_webhooks_total", "Warnings for the webhook, by what came of them.");
  for (size_t i = 0; i < std::size(kResults); ++i)
    add_if_any(webhooks, {{"result", kResults[i]}}, metrics_.webhooks_[i]);
}

void Page::tokens() {
  struct Kind {
    const char* label;
    Counter Shard::Tokens::* counter;
  };
  static constexpr Kind kKinds[] = {{"input", &Shard::Tokens::input},
                                    {"output", &Shard::Tokens::output},
                                    {"cache_read", &Shard::Tokens::cache_read},
                                    {"cache_write_5m", &Shard::Tokens::cache_write_5m},
                                    {"cache_write_1h", &Shard::Tokens::cache_write_1h},
                                    {"cache_write", &Shard::Tokens::cache_write}};
  static constexpr Kind kTools[] = {{"web_search", &Shard::Tokens::web_searches},
                                    {"web_fetch", &Shard::Tokens::web_fetches}};
  auto rows = [this](prometheus::MetricFamily& to, const char* label, std::span<const Kind> kinds) {
    for (size_t i = 0; i < account_labels(); ++i) {
      for (const Kind& kind : kinds) {
        add_if_any(to, {{"account", account_label(i)}, {label, kind.label}},
                   sum([&](const Shard& s) -> auto& { return account(s, i).tokens.*kind.counter; }));
      }
    }
  };
  rows(counters("baton_tokens_total",
                "Tokens the vendor stated; the kinds do not overlap. cache_write: for how long was not stated."),
       "kind", kKinds);
  rows(counters("baton_server_tool_requests_total", "Requests of the vendor's own tools."), "tool", kTools);
  auto& thinking = counters("baton_thinking_tokens_total", "Of the output tokens, those spent on thinking.");
  for (size_t i = 0; i < account_labels(); ++i) {
    add_if_any(thinking, {{"account", account_label(i)}},
               sum([&](const Shard& s) -> auto& { return account(s, i).tokens.thinking; }));
  }
}

void Page::cache() {
  auto& uses = counters("baton_cache_calls_total", "Messages calls closed, by what the reply cache did for them.");
  for (size_t i = 1; i < Shard::kCacheUses; ++i) {
    add_if_any(uses, {{"result", std::string(name(static_cast<model::CacheUse>(i)))}},
               sum([i](const Shard& s) -> auto& { return s.cache_uses_[i]; }));
  }
  static constexpr const char* kSavings[] = {"hit", "stale", "coalesced", "similar", "resumed"};
  auto& saved = counters(
      "baton_saved_dollars_total",
      "What answers had cost that were given again, by how: from the reply cache in or beyond their "
      "time, read along with another call, for the same in other words, or to a client that came back to its stream.");
  for (size_t i = 0; i < std::size(kSavings); ++i)
    add(saved, {{"by", kSavings[i]}},
        static_cast<double>(sum([i](const Shard& s) -> auto& { return s.saved_[i]; })) * 1e-9);
  add(gauges("baton_cache_bytes", "Bytes that the reply cache holds, with what it takes to find them."), {},
      level([](const Shard& s) -> auto& { return s.cache_bytes_; }) - static_cast<double>(metrics_.gone_bytes_.load()));
  add(gauges("baton_cache_entries", "Replies that the reply cache holds."), {},
      level([](const Shard& s) -> auto& { return s.cache_entries_; }) -
          static_cast<double>(metrics_.gone_entries_.load()));
  auto& stored =
      counters("baton_cache_stores_total", "Replies of calls that may be reused, by whether they were kept.");
  add(stored, {{"result", "stored"}},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.cache_stored_; })));
  add(stored, {{"result", "refused"}},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.cache_not_stored_; })));
  auto& removed = counters("baton_cache_removals_total", "Replies that left the reply cache, by why.");
  add(removed, {{"why", "evicted"}},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.cache_evicted_; })));
  add(removed, {{"why", "expired"}},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.cache_expired_; })));
  add(removed, {{"why", "purged"}}, static_cast<double>(metrics_.purged_.load()));
}

void Page::similar() {
  constexpr const char* kForeseen[] = {"asked", "no_money", "useful", "wasted"};
  auto& ahead =
      counters("baton_cache_ahead_total",
               "Kept replies asked for anew before their time was over, those left for want of money, and how "
               "those that were asked for turned out.");
  for (size_t i = 0; i < std::size(kForeseen); ++i)
    add_if_any(ahead, {{"result", kForeseen[i]}}, sum([i](const Shard& s) -> auto& { return s.foreseen_[i]; }));
  constexpr const char* kWarm[] = {"asked", "no_money", "no_room", "failed", "useful", "wasted"};
  auto& warm = counters("baton_keep_warm_total", "Prompts asked for once more so that they stay in a vendor's cache.");
  for (size_t i = 0; i < std::size(kWarm); ++i)
    add_if_any(warm, {{"result", kWarm[i]}}, sum([i](const Shard& s) -> auto& { return s.warm_[i]; }));
  constexpr const char* kGate[] = {"left_read", "left_unread", "written_read", "written_unread"};
  auto& gate = counters("baton_write_admission_total", "Writes to prompt caches: what the gate says, what came of it.");
  for (size_t i = 0; i < std::size(kGate); ++i)
    add_if_any(gate, {{"result", kGate[i]}}, sum([i](const Shard& s) -> auto& { return s.write_gate_[i]; }));
  constexpr const char* kMoney[] = {"warm_spent", "warm_saved", "gate_saved", "gate_lost"};
  auto& money = counters("baton_prompt_cache_dollars_total", "What keeping warm cost and saved; what the gate would.");
  for (size_t i = 0; i < std::size(kMoney); ++i) {
    const auto spent = sum([i](const Shard& s) -> auto& { return s.prompt_money_[i]; });
    if (spent > 0) add(money, {{"what", kMoney[i]}}, static_cast<double>(spent) * 1e-9);
  }
  auto& results = counters("baton_similar_calls_total",
                           "Calls that an answer to the same in other words might have served, by what was found.");
  for (size_t i = 0; i < model::kSimilarResults; ++i) {
    add_if_any(results, {{"result", std::string(name(static_cast<model::SimilarResult>(i)))}},
               sum([i](const Shard& s) -> auto& { return s.similar_[i]; }));
  }
  add_if_any(results, {{"result", "unfit"}}, sum([](const Shard& s) -> auto& { return s.similar_unfit_; }));
  auto& guards = counters("baton_similar_guards_total", "Nearest questions that were told apart, by what did it.");
  for (size_t i = 0; i < model::kSimilarGuards; ++i) {
    add_if_any(guards, {{"guard", std::string(name(static_cast<model::SimilarGuard>(i)))}},
               sum([i](const Shard& s) -> auto& { return s.similar_guards_[i]; }));
  }
  auto& compared = counters("baton_similar_compared_total",
                            "Answers of the upstream beside a similar one, by whether they said the same.");
  constexpr const char* kAnswers[] = {"unclear", "same", "other"};
  for (size_t i = 0; i < std::size(kAnswers); ++i) {
    add_if_any(compared, {{"answer", kAnswers[i]}},
               sum([i](const Shard& s) -> auto& { return s.similar_compared_[i]; }));
  }
  add(counters("baton_similar_trips_total", "Scopes that were turned off because such answers were wrong."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.similar_trips_; })));
  if (!metrics_.similar_) return;
  const RelayMetrics::Similar now = metrics_.similar_();
  add(gauges("baton_similar_scopes", "Scopes in which questions are remembered."), {}, static_cast<double>(now.scopes));
  add(gauges("baton_similar_entries", "Questions that are remembered."), {}, static_cast<double>(now.entries));
  add(gauges("baton_similar_bytes", "Bytes that they take."), {}, static_cast<double>(now.bytes));
  add(gauges("baton_similar_error_bound",
             "At most this share of such answers is wrong, with 95 %, as the audits have shown; 1 without audits."),
      {}, now.error_bound);
}

void Page::flights() {
  if (const ReplyLogCounts* log = metrics_.reply_log_) {
    add(gauges("baton_cache_disk_bytes", "Bytes of kept replies on the disk."), {},
        static_cast<double>(log->bytes.load()));
    add(counters("baton_cache_disk_restored_total", "Replies that were there when the relay began."), {},
        static_cast<double>(log->restored.load()));
    auto& written = counters("baton_cache_disk_replies_total", "Kept replies for the disk, by what became of them.");
    add(written, {{"result", "written"}}, static_cast<double>(log->written.load()));
    add(written, {{"result", "queue_full"}}, static_cast<double>(log->dropped.load()));
    add(written, {{"result", "failed"}}, static_cast<double>(log->failed.load()));
    add(counters("baton_cache_disk_damages_total", "Places on the disk where something else stood than was written."),
        {}, static_cast<double>(log->damaged.load()));
  }
  if (metrics_.redis_ != nullptr) std::ranges::move(redis_families(*metrics_.redis_), std::back_inserter(families_));
  add(gauges("baton_cache_refreshes", "Kept replies that are asked for anew while nobody waits."), {},
      level([](const Shard& s) -> auto& { return s.refreshes_; }));
  add(counters("baton_cache_refreshes_skipped_total",
               "Kept replies that were given out beyond their time and not asked for anew, for there was no room."),
      {}, static_cast<double>(sum([](const Shard& s) -> auto& { return s.refreshes_skipped_; })));
  add(gauges("baton_flights", "Upstream calls under way whose reply other calls may read along."), {},
      level([](const Shard& s) -> auto& { return s.flights_; }));
  add(gauges("baton_flight_readers", "Calls that read the reply of another call, or wait for it."), {},
      level([](const Shard& s) -> auto& { return s.flight_readers_; }));
  add(counters("baton_flight_promotions_total",
               "Calls that were made by a reader, because who made them first failed before the first byte."),
      {}, static_cast<double>(sum([](const Shard& s) -> auto& { return s.flight_promotions_; })));
  add(counters("baton_flight_losses_total", "Readers that were further behind than a reply is held for."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.flight_losses_; })));
}

void Page::resumables() {
  add(gauges("baton_resumable_streams", "Streams that are held so that their clients may come back."), {},
      level([](const Shard& s) -> auto& { return s.resumable_streams_; }));
  auto& resumes =
      counters("baton_stream_resumes_total", "Clients that came back to a stream, by whether it was known.");
  add(resumes, {{"result", "found"}}, static_cast<double>(sum([](const Shard& s) -> auto& { return s.resumes_; })));
  add(resumes, {{"result", "unknown"}},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.resumes_unknown_; })));
  add(counters("baton_resumable_refusals_total", "Streams that could not be made resumable: there were too many."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.resumables_refused_; })));
}

void Page::connections() {
  add(gauges("baton_client_connections", "Connections of clients."), {},
      level([](const Shard& s) -> auto& { return s.client_connections_; }));
  auto& upstream = gauges("baton_upstream_connections", "Connections to upstreams.");
  add(upstream, {{"state", "active"}}, level([](const Shard& s) -> auto& { return s.upstream_active_; }));
  add(upstream, {{"state", "idle"}}, level([](const Shard& s) -> auto& { return s.upstream_idle_; }));
  auto& connects = counters("baton_upstream_connects_total", "Connections to upstreams that were tried, by result.");
  for (size_t i = 0; i < Shard::kErrors; ++i) {
    add_if_any(connects, {{"result", std::string(name(static_cast<ErrorCode>(i)))}},
               sum([i](const Shard& s) -> auto& { return s.connects_[i]; }));
  }
  add(connects, {{"result", "ok"}},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.connects_[Shard::kConnectedIndex]; })));
  static constexpr const char* kPreconnects[] = {"made", "used", "wasted"};
  add(counters("baton_requests_packed_total", "Request bodies that went to an upstream in a coding."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.requests_packed_; })));
  add(counters("baton_request_bytes_saved_total", "Bytes by which packed request bodies were smaller."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.request_bytes_saved_; })));
  add(counters("baton_request_codings_refused_total", "Packed request bodies that an upstream did not take."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.request_codings_refused_; })));
  auto& preconnects = counters("baton_upstream_preconnects_total",
                               "Connections that were made before a call needed one, and what became of them.");
  for (size_t i = 0; i < std::size(kPreconnects); ++i) {
    add(preconnects, {{"state", kPreconnects[i]}},
        static_cast<double>(sum([i](const Shard& s) -> auto& { return s.preconnects_[i]; })));
  }
}

void Page::bounds() {
  auto taken = [](const ByteBudget* budget) { return budget == nullptr ? 0.0 : static_cast<double>(budget->taken()); };
  add(gauges("baton_request_bytes_held", "Bytes of request bodies held of the shared budget."), {},
      taken(metrics_.request_bytes_));
  add(gauges("baton_reply_bytes_held", "Bytes of replies that are held whole, of their budget."), {},
      taken(metrics_.reply_bytes_));
  add(counters("baton_body_budget_refusals_total", "Requests refused because the shared budget was spent."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.body_budget_refusals_; })));
  add(gauges("baton_memory_level", "0; 1: connections are not kept; 2: new calls are refused; by max_memory."), {},
      metrics_.pressure_ == nullptr ? 0 : static_cast<double>(metrics_.pressure_->level()));
  add(counters("baton_memory_refusals_total", "Calls refused because the process is near max_memory."), {},
      static_cast<double>(sum([](const Shard& s) -> auto& { return s.memory_refusals_; })));
  add(counters("baton_connections_refused_total", "Connections closed at once because no file descriptor was left."),
      {}, static_cast<double>(sum([](const Shard& s) -> auto& { return s.connections_refused_; })));
  uint64_t dropped = sum([](const Shard& s) -> auto& { return s.access_log_dropped_; });
  dropped += metrics_.log_lines_lost_.load(std::memory_order_relaxed);
  add(counters("baton_access_log_dropped_total", "Access log lines lost to a slow or broken sink."), {},
      static_cast<double>(dropped));
  histogram("baton_loop_stall_seconds", "The longest turn of a loop in each interval of about a second.",
            [](const Shard& s) -> auto& { return s.loop_stall_; });
}

void Page::process() {
  add(gauges("baton_build_info", "Always 1; the labels say what is running."), {{"version", metrics_.version()}}, 1);
  auto& take_overs =
      counters("baton_take_overs_total", "Processes that were replaced, or were to be, while they served.");
  add(take_overs, {{"result", "done"}}, static_cast<double>(metrics_.take_overs_[0].load()));
  add(take_overs, {{"result", "failed"}}, static_cast<double>(metrics_.take_overs_[1].load()));
  add(gauges("baton_predecessor_draining", "1 while the process that was taken over from finishes its calls."), {},
      metrics_.predecessor_drains_.load() ? 1 : 0);
  ProcessFacts facts = process_facts();
  add(counters("process_cpu_seconds_total", "User and system CPU time spent in seconds."), {}, facts.cpu_seconds);
  add(gauges("process_start_time_seconds", "Start time of the process since unix epoch in seconds."), {},
      facts.start_time_seconds);
  add(gauges("process_resident_memory_bytes", "Resident memory size in bytes."), {}, facts.resident_memory_bytes);
  add(gauges("process_virtual_memory_bytes", "Virtual memory size in bytes."), {}, facts.virtual_memory_bytes);
  add(gauges("process_open_fds", "Number of open file descriptors."), {}, facts.open_fds);
  add(gauges("process_max_fds", "Maximum number of open file descriptors."), {}, facts.max_fds);
  add(gauges("process_threads", "Number of threads."), {}, facts.threads);
}

}  // namespace baton::metrics
