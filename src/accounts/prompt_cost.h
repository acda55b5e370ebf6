// What the input of a call costs at an account, in tokens at their plain price: what its cache holds at the price of
// reading, what will be written at that of writing, the rest as it is; and how much the account's load weighs against
// that. Thread: any; pure. Source: the vendor's prompt caching page (read 2026-11); measured on public traces
// (bench/results/affinity.md).
#pragma once

#include <algorithm>
#include <cstdint>

#include "accounts/config.h"
#include "model/prompt.h"

namespace baton::accounts {

// The input's price where a prefix of `matched` tokens is held. Marked prefixes below `tokens_min` are not cached.
inline double input_price(const model::Prompt& prompt, uint32_t matched, uint32_t tokens_min) {
  double price = matched * kReadPrice;
  uint32_t covered = matched;
  for (const model::PromptPrefix& prefix : prompt.prefixes) {
    if (prefix.mark == model::CacheMark::kNone || prefix.tokens <= covered || prefix.tokens < tokens_min) continue;
    price += (prefix.tokens - covered) * (prefix.mark == model::CacheMark::k1h ? kLongWritePrice : kWritePrice);
    covered = prefix.tokens;
  }
  return price + (std::max(prompt.tokens, covered) - covered);
}

// What a conversation's own account is worth besides, as a share of the prompt's plain price: between equals it stays.
inline constexpr double kHomeWorth = 0.1;

// How an account's recent load compares with what would be its share.
struct LoadShare {
  double mine = 0;  // with this call, by weight
  double mean = 0;  // of all accounts, with this call, by weight
};

// What an account's load adds, for a prompt of so many tokens: up to half of the prompt's plain price, so that a
// conversation whose cache would be lost stays, and one that has little to lose goes. Load that is no more than a few
// such prompts decides little.
inline constexpr double kLoadWeight = 0.3;
inline constexpr double kLoadMost = 0.5;
inline double load_price(const LoadShare& load, double tokens) {
  constexpr double kFewPrompts = 2;
  if (load.mean <= 0 || tokens <= 0) return 0;
  const double excess = std::max(0.0, load.mine / load.mean - 1);
  const double weight = kLoadWeight * std::min(1.0, load.mean / (kFewPrompts * tokens));
  return tokens * std::min(kLoadMost, weight * excess);
}

// The same for calls under way beyond `bound`.
inline double crowd_price(double in_flight, double bound, double tokens) {
  return tokens * std::clamp(kLoadWeight * (in_flight / bound - 1), 0.0, kLoadMost);
}

}  // namespace baton::accounts
