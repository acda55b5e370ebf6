#include "auth/token_rate.h"

#include <algorithm>

namespace baton::auth {
namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;
constexpr int64_t kTokensMax = 1'000'000'000;  // of one call: far beyond any, and no overflow

int64_t cost_ns(int64_t tokens, uint64_t per_minute) {
  const auto bounded = static_cast<double>(std::clamp<int64_t>(tokens, 0, kTokensMax));
  return static_cast<int64_t>(bounded * (static_cast<double>(kMinuteNs) / static_cast<double>(per_minute)));
}

}  // namespace

void TokenHold::settle(int64_t used) {
  if (!meter_) return;
  const int64_t change = cost_ns(used, per_minute_) - cost_ns(tokens_, per_minute_);
  std::exchange(meter_, nullptr)->tokens_spent_to.fetch_add(change, std::memory_order_relaxed);
}

Expected<TokenHold> take_tokens(const ClientKey& key, int64_t tokens, Instant now, Duration& retry_after) {
  const uint64_t per_minute = key.rights.tokens_per_minute;
  if (per_minute == 0) return TokenHold();
  const int64_t cost = cost_ns(tokens, per_minute);
  auto& spent_to = key.meter->tokens_spent_to;
  int64_t before = spent_to.load(std::memory_order_relaxed);
  while (true) {
    const int64_t start = std::max(before, now.ns);
    const int64_t after = start + cost;
    if (after > now.ns + kMinuteNs && start > now.ns) {
      // A large call waits until nothing is owed, any other until there is room for it.
      retry_after = Duration{std::min(after - now.ns - kMinuteNs, start - now.ns)};
      return fail(ErrorCode::kRateLimited, Fault::kClient,
                  "The key " + key.name + " may use " + std::to_string(per_minute) +
                      " tokens a minute, and has used them. The retry-after field says when the next call may come.",
                  Retry::kLater);
    }
    if (spent_to.compare_exchange_weak(before, after, std::memory_order_relaxed))
      return TokenHold(key.meter, per_minute, tokens);
  }
}

}  // namespace baton::auth
