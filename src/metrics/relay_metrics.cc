#include "metrics/relay_metrics.h"

#include <algorithm>

namespace baton::metrics {

RelayMetrics::RelayMetrics(Options options) : options_(std::move(options)) {
  BATON_CHECK(options_.loops > 0);
  auto& accounts = options_.accounts;
  std::ranges::sort(accounts);
  accounts.erase(std::ranges::unique(accounts).begin(), accounts.end());
  std::erase(accounts, "other");
  for (size_t i = 0; i < accounts.size(); ++i) account_index_.emplace(accounts[i], i);
  for (size_t i = 0; i < options_.loops; ++i) shards_.push_back(std::make_unique<Shard>(*this));
}

RelayMetrics::~RelayMetrics() = default;

RelayMetrics::Shard::Shard(const RelayMetrics& owner) : owner_(owner), accounts_(owner.options_.accounts.size() + 1) {}

RelayMetrics::Shard::AccountCounters& RelayMetrics::Shard::account(std::string_view name) {
  auto found = owner_.account_index_.find(name);
  return found == owner_.account_index_.end() ? accounts_.back() : accounts_[found->second];
}

void RelayMetrics::Shard::call_closed(const model::Outcome& outcome) {
  ++statuses_[status_index(outcome.status)];
  ++calls_[static_cast<size_t>(outcome.operation)][static_cast<size_t>(outcome.ending)];
  ++cache_uses_[static_cast<size_t>(outcome.cache)];
  duration_.observe(outcome.duration);
  if (outcome.first_byte > Duration{0}) {
    first_byte_.observe(outcome.first_byte);
    added_.observe(outcome.added);
  }
  pings_ += outcome.pings_sent;
  events_ += outcome.events;
  request_bytes_ += outcome.request_body_bytes;
  reply_bytes_ += outcome.reply_body_bytes;
  if (!outcome.error.empty()) ++errors_[error_index(outcome.error)];

  for (size_t i = 0; i < outcome.attempts.size(); ++i) {
    const model::Attempt& attempt = outcome.attempts[i];
    bool last = i + 1 == outcome.attempts.size();
    AccountCounters& counters = account(attempt.account);
    ++counters.attempts[static_cast<size_t>(attempt.result)];
    if (!last) ++retries_[static_cast<size_t>(attempt.result)];
    // The last attempt is the one that was delivered, and the outcome's usage is its usage.
    const model::Usage& usage = last && outcome.usage.known ? outcome.usage : attempt.usage;
    if (usage.known) counters.tokens.count(usage);
  }
  if (outcome.attempts.empty() && outcome.usage.known) accounts_.back().tokens.count(outcome.usage);
}

void RelayMetrics::Shard::Tokens::count(const model::Usage& usage) {
  auto tokens = [](int64_t stated) { return static_cast<uint64_t>(std::max<int64_t>(stated, 0)); };
  input += tokens(usage.input_tokens);
  output += tokens(usage.output_tokens);
  cache_read += tokens(usage.cache_read_input_tokens);
  cache_write_5m += tokens(usage.cache_creation_5m_input_tokens);
  cache_write_1h += tokens(usage.cache_creation_1h_input_tokens);
  // Written to the cache, for how long was not stated.
  cache_write += tokens(usage.cache_creation_input_tokens - usage.cache_creation_5m_input_tokens -
                        usage.cache_creation_1h_input_tokens);
  thinking += tokens(usage.thinking_tokens);
  web_searches += tokens(usage.web_search_requests);
  web_fetches += tokens(usage.web_fetch_requests);
}

size_t RelayMetrics::Shard::status_index(int status) {
  if (status == 0) return kStatusNone;
  if (status < kStatusMin || status > kStatusMax) return kStatusOther;
  return static_cast<size_t>(status - kStatusMin);
}

size_t RelayMetrics::Shard::error_index(std::string_view code) {
  for (size_t i = 0; i < kErrors; ++i) {
    if (code == name(static_cast<ErrorCode>(i))) return i;
  }
  return static_cast<size_t>(ErrorCode::kInternal);
}

}  // namespace baton::metrics
