// Tokens a minute of a key: what a call will probably take is taken before it is sent, and put right when it is known
// what it took. A whole minute's tokens may be used at once; then they come back evenly (GCRA, ITU-T I.371).
// A call that alone is larger than a minute's tokens is let in when nothing is owed, and owed for afterwards.
// Life: a hold lives as long as its call. Thread: any; the meter is one atomic. Bounds: O(1).
#pragma once

#include <cstdint>
#include <memory>

#include "auth/client_key.h"
#include "base/error.h"
#include "base/units.h"

namespace baton::auth {

class [[nodiscard]] TokenHold {
 public:
  TokenHold() = default;
  TokenHold(std::shared_ptr<Meter> meter, uint64_t per_minute, int64_t tokens)
      : meter_(std::move(meter)), per_minute_(per_minute), tokens_(tokens) {}
  TokenHold(TokenHold&&) noexcept = default;
  TokenHold& operator=(TokenHold&& other) noexcept {
    settle(0);
    meter_ = std::move(other.meter_);
    per_minute_ = other.per_minute_;
    tokens_ = other.tokens_;
    return *this;
  }
  // What is not settled was not used.
  ~TokenHold() { settle(0); }
  // So many were used, which may be more than were taken. Once; later calls do nothing.
  void settle(int64_t used);
  // It is not known what was used: what was taken stays so.
  void forfeit() { meter_.reset(); }

 private:
  std::shared_ptr<Meter> meter_;
  uint64_t per_minute_ = 0;
  int64_t tokens_ = 0;
};

// Takes `tokens` of the key's minute. kRateLimited: it has none left; `retry_after` says when. Nothing is held by a key
// without such a limit.
Expected<TokenHold> take_tokens(const ClientKey& key, int64_t tokens, Instant now, Duration& retry_after);

}  // namespace baton::auth
