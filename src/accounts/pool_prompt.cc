// What the AccountPool knows of prompt caches.
#include <algorithm>
#include <vector>

#include "accounts/pool.h"
#include "accounts/prompt_cost.h"

namespace baton::accounts {

void AccountPool::look_at_prompts() {
  if (policy_ != AffinityPolicy::kCost || cache_domains_ < 2) return;
  beliefs_ = std::make_unique<PromptBeliefs>(PromptBeliefs::Options{.prefixes_max = config_.affinity.prefixes_max,
                                                                    .short_ttl = config_.affinity.cache_ttl,
                                                                    .long_ttl = config_.affinity.cache_ttl_long});
}

Home AccountPool::bind(const Ask& ask, std::optional<AccountIndex> home, AccountIndex index, Instant now) {
  bindings_.bind(ask.affinity, index, now);
  if (!home || *home >= size()) return Home::kNew;
  if (*home == index) return Home::kKept;
  const std::string& domain = account(index).cache_domain;
  return !domain.empty() && account(*home).cache_domain == domain ? Home::kKept : Home::kMoved;
}

AccountPool::PromptView AccountPool::view_prompt(const Ask& ask, Instant now) const {
  static thread_local std::vector<uint32_t> matched;
  matched.assign(cache_domains_, 0);
  beliefs_->match(*ask.prompt, matched, now);
  PromptView view{.matched = matched, .tokens_min = cache_minimum_.tokens(ask.model, ask.cache_tokens_min)};
  for (AccountIndex index = 0; index < size(); ++index) {
    if (!account(index).passthrough) view.load += states_[index].load.at(now, config_.affinity.load_half_life);
  }
  return view;
}

// The price of a call there, in tokens: its input's, what the account's load weighs, and what waiting for it weighs, of
// which a prompt that is held whole is worth about `patience`.
double AccountPool::price(const PromptView& view, const Ask& ask, const Place& place, Instant now) const {
  const AffinityConfig& affinity = config_.affinity;
  const State& state = states_[place.index];
  const uint32_t matched = view.matched[state.cache_domain];
  const double tokens = ask.prompt->tokens;
  double sum = input_price(*ask.prompt, matched, view.tokens_min);
  const double mine = state.load.at(now, affinity.load_half_life);
  sum += load_price({.mine = (mine + tokens - matched) / place.weight, .mean = (view.load + tokens) / weight_}, tokens);
  sum += crowd_price(place.in_flight, place.bound, tokens);
  const Instant ready = room_at(place.index, ask, now);
  if (ready > now) {
    const double patience = std::max(seconds(affinity.patience), 1e-3);
    sum += tokens * std::min(1e3, seconds(ready - now) / patience);
  }
  return sum;
}

void AccountPool::expect(Lease& lease, const Ask& ask, const PromptView* view, Instant now) {
  Outlook& outlook = lease.outlook_;
  outlook.charged = ask.need.input_tokens;
  if (view != nullptr) {
    outlook.tokens = ask.prompt->tokens;
    outlook.matched = view->matched[states_[lease.index_].cache_domain];
    outlook.best = std::ranges::max(view->matched);
    double weight = 0;
    for (AccountIndex index = 0; index < size(); ++index) {
      if (account(index).passthrough) continue;
      outlook.mean += static_cast<double>(account(index).weight) * view->matched[states_[index].cache_domain];
      weight += account(index).weight;
    }
    outlook.mean /= weight;
    outlook.charged = outlook.tokens - outlook.matched;
  }
  states_[lease.index_].load.add(outlook.charged, now, config_.affinity.load_half_life);
}

PromptWrites::Joined AccountPool::join_write(const Ask& ask, runtime::Loop& loop, Instant now) {
  const uint32_t best = std::ranges::max(view_prompt(ask, now).matched);
  const uint32_t least = std::max(config_.affinity.leader_tokens_min, 1u);
  if (ask.prompt->prefixes.back().tokens < best + least) return {};
  return writes_.join(*ask.prompt, best + least - 1, loop);
}

void AccountPool::prompt_begun(Lease& lease, const Ask& ask, Instant now) {
  lease.outlook_.begun = now;
  const uint32_t tokens_min = cache_minimum_.tokens(ask.model, ask.cache_tokens_min);
  beliefs_->written(*ask.prompt, states_[lease.index_].cache_domain, tokens_min, now);
}

PromptGain AccountPool::prompt_used(const Lease& lease, const Ask& ask, const model::Usage& usage) {
  const Outlook& outlook = lease.outlook_;
  const int64_t cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
  const int64_t all = usage.input_tokens + cached;
  if (!usage.known || outlook.tokens == 0 || outlook.begun.ns == 0 || all <= 0) return {};
  // From our tokens to the vendor's.
  const double scale = static_cast<double>(all) / outlook.tokens;
  const auto ours = [&](int64_t theirs) { return static_cast<double>(theirs) / scale; };
  const model::Prompt& prompt = *ask.prompt;
  const auto listed = ask.cache_tokens_min;
  const double last = prompt.prefixes.back().tokens * scale;
  if (cached == 0) cache_minimum_.learn(ask.model, listed, static_cast<uint32_t>(last), /*cached=*/false);
  if (usage.cache_creation_input_tokens > 0)
    cache_minimum_.learn(ask.model, listed, static_cast<uint32_t>(std::min<int64_t>(cached, kCacheTokensMinMost)),
                         true);
  // An estimate is no finer than this.
  constexpr double kSlack = 1.1;
  const double held = ours(cached) * kSlack;
  if (held < prompt.prefixes.back().tokens)
    beliefs_->correct(prompt, states_[lease.index_].cache_domain, static_cast<uint32_t>(held));
  const double read = std::min<double>(static_cast<double>(usage.cache_read_input_tokens), outlook.matched * scale);
  return {.saved_tokens = static_cast<int64_t>(std::max(0.0, read - outlook.mean * scale)),
          .lost_tokens = static_cast<int64_t>(std::max(0.0, (outlook.best - outlook.matched) * scale))};
}

}  // namespace baton::accounts
