#include "metrics/relay_metrics.h"

#include <algorithm>

namespace baton::metrics {

RelayMetrics::RelayMetrics(Options options) : options_(std::move(options)) {
  BATON_CHECK(options_.loops > 0);
  accounts_ = std::make_shared<const Accounts>();
  know_accounts(std::move(options_.accounts));
  for (size_t i = 0; i < options_.loops; ++i) shards_.push_back(std::make_unique<Shard>(*this));
}

RelayMetrics::~RelayMetrics() = default;

std::shared_ptr<const RelayMetrics::Accounts> RelayMetrics::accounts() const {
  std::lock_guard lock(accounts_mutex_);
  return accounts_;
}

void RelayMetrics::know_accounts(std::vector<std::string> names) {
  std::ranges::sort(names);
  std::lock_guard lock(accounts_mutex_);
  auto known = std::make_shared<Accounts>(*accounts_);
  for (std::string& one : names) {
    if (one == "other" || known->names.size() == kAccountLabelsMax) continue;
    if (known->index.emplace(one, known->names.size()).second) known->names.push_back(std::move(one));
  }
  accounts_ = std::move(known);
  accounts_generation_.fetch_add(1, std::memory_order_release);
}

RelayMetrics::Shard::Shard(const RelayMetrics& owner) : owner_(owner) {}

RelayMetrics::Shard::AccountCounters& RelayMetrics::Shard::account(const std::string& name) {
  const uint64_t generation = owner_.accounts_generation_.load(std::memory_order_acquire);
  if (generation != accounts_generation_) {
    account_labels_ = owner_.accounts();
    accounts_generation_ = generation;
  }
  const auto found = account_labels_->index.find(name);
  if (found == account_labels_->index.end()) return other_account_;
  auto& place = accounts_[found->second];
  if (place.load(std::memory_order_relaxed) == nullptr) {
    own_accounts_.push_back(std::make_unique<AccountCounters>());
    place.store(own_accounts_.back().get(), std::memory_order_release);
  }
  return *place.load(std::memory_order_relaxed);
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
    const model::Usage& usage = last && outcome.usage.known && !outcome.reused ? outcome.usage : attempt.usage;
    if (usage.known) counters.tokens.count(usage);
  }
  if (outcome.attempts.empty() && outcome.usage.known && !outcome.reused) other_account_.tokens.count(outcome.usage);
  if (outcome.saved_nanodollars > 0) saved_[saving_index(outcome)] += static_cast<uint64_t>(outcome.saved_nanodollars);
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

size_t RelayMetrics::Shard::saving_index(const model::Outcome& outcome) {
  if (outcome.operation == model::Operation::kStreamResume) return kSavings - 1;
  switch (outcome.cache) {
    case model::CacheUse::kStale: return 1;
    case model::CacheUse::kCoalesced: return 2;
    default: return 0;
  }
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
