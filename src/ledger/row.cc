#include "ledger/row.h"

namespace baton::ledger {
namespace {

using model::Operation;

bool succeeded(const model::Attempt& attempt) { return attempt.status >= 200 && attempt.status < 300; }

// Whether success costs money that the reply does not state.
bool costs_unstated(const model::Outcome& outcome) {
  switch (outcome.operation) {
    case Operation::kMessages:
    case Operation::kBatchCreate: return true;
    case Operation::kPassThrough: return outcome.method == "POST";
    default: return false;
  }
}

// As the reply names it.
const std::string& model_of(const model::Outcome& outcome, const model::Attempt& attempt) {
  return attempt.model.empty() ? outcome.model : attempt.model;
}

void add(model::Usage& sum, const model::Usage& more) {
  if (!more.known) return;
  sum.known = true;
  sum.input_tokens += more.input_tokens;
  sum.output_tokens += more.output_tokens;
  sum.cache_creation_input_tokens += more.cache_creation_input_tokens;
  sum.cache_read_input_tokens += more.cache_read_input_tokens;
  sum.cache_creation_5m_input_tokens += more.cache_creation_5m_input_tokens;
  sum.cache_creation_1h_input_tokens += more.cache_creation_1h_input_tokens;
  sum.thinking_tokens += more.thinking_tokens;
  sum.web_search_requests += more.web_search_requests;
  sum.web_fetch_requests += more.web_fetch_requests;
  sum.tier = more.tier;
  sum.fast = more.fast;
}

}  // namespace

std::optional<int64_t> cost_of(const model::Outcome& outcome, const model::Attempt& attempt, const PriceTable& prices) {
  if (attempt.usage.known) {
    return prices.cost(model_of(outcome, attempt), attempt.usage, outcome.started);
  }
  // An answer with an error's status is not charged; one that never came may be.
  const bool lost = attempt.status == 0 && attempt.may_have_been_processed;
  if (costs_unstated(outcome) && (succeeded(attempt) || lost)) return std::nullopt;
  return 0;
}

int64_t saved_by_reuse(const model::Outcome& outcome, const PriceTable& prices) {
  if (!outcome.reused || !outcome.usage.known) return 0;
  return prices.cost(outcome.model, outcome.usage, outcome.started).value_or(0);
}

std::string_view reused_as(const model::Outcome& outcome) {
  if (!outcome.reused) return {};
  if (outcome.operation == Operation::kStreamResume) return "resumed";
  switch (outcome.cache) {
    case model::CacheUse::kStale:
    case model::CacheUse::kCoalesced:
    case model::CacheUse::kSimilar: return name(outcome.cache);
    default: return name(model::CacheUse::kHit);
  }
}

Row make_row(const model::Outcome& outcome, const PriceTable& prices) {
  Row row{.cost = 0};
  row.saved_by_reply_cache = saved_by_reuse(outcome, prices);
  row.attempt_costs.reserve(outcome.attempts.size());
  for (const model::Attempt& attempt : outcome.attempts) {
    std::optional<int64_t> cost;
    if (attempt.usage.known) {
      const auto compared = prices.costs(model_of(outcome, attempt), attempt.usage, outcome.started);
      if (compared) {
        cost = compared->cost;
        row.saved_by_prompt_cache += compared->uncached - compared->cost;
        row.saved_by_batch += compared->unbatched - compared->cost;
      }
    } else {
      cost = cost_of(outcome, attempt, prices);
    }
    row.attempt_costs.push_back(cost);
    if (!cost) row.cost.reset();
    if (row.cost) *row.cost += *cost;
    add(row.usage, attempt.usage);
  }
  return row;
}

bool is_booked(const model::Outcome& outcome) {
  return !outcome.client.empty() && outcome.operation != Operation::kProbe;
}

}  // namespace baton::ledger
