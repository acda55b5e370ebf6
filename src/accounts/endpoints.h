// EndpointChooser: the endpoints of each account (regions, gateways: one credential, shared limits) and which of them a
// call goes to: of two drawn at random the one with the smaller expected first-byte time x load, or, for a call of a
// conversation, of the two that its hash draws, so that conversations stay. One that nobody heard of for a while gets
// single calls to see how it stands. Each has its own failures and its own concurrency limit. Life: a member of the
// AccountPool. Thread: any; atomics, and a mutex per endpoint for what is rare or adaptive. Bounds: kEndpointsMax an
// account; O(endpoints) per call, no allocation. An account with one endpoint and no adaptive limit costs a few
// atomics. Source: Mitzenmacher 2001 (two choices), Finagle (peak EWMA), Envoy (outlier ejection, adaptive
// concurrency).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "accounts/concurrency.h"
#include "accounts/config.h"
#include "accounts/first_byte.h"
#include "accounts/health.h"

namespace baton::accounts {

using AccountIndex = uint32_t;
using EndpointIndex = uint32_t;
using EndpointMask = uint32_t;  // bit i: endpoint i

// How an endpoint stands, for the operator.
struct EndpointState {
  std::string_view name;
  std::string_view url;
  std::optional<Duration> connect;     // of the network, when it was measured
  std::optional<Duration> first_byte;  // expected, when a call was answered
  int64_t in_flight = 0;
  std::optional<uint32_t> concurrency_limit;  // none: no limit
  Instant ejected_until{};
};

class EndpointChooser {
 public:
  // An endpoint that was last heard of so much earlier than another is tried, however slow it was.
  static constexpr Duration kStale = std::chrono::seconds(10);
  // Such a try is made with one of so many of the account's calls at most; with fewer calls in ten minutes, one of 50.
  static constexpr uint32_t kCallsPerTry = 200;
  static constexpr uint32_t kCallsPerRareTry = 50;
  static constexpr Duration kRareTry = std::chrono::minutes(10);
  static constexpr double kLoadLeast = 16;  // calls that wait for their first byte, over which load counts in full
  static constexpr double kLoyalty = 1.5;   // a conversation stays unless another endpoint is so much faster

  // Borrows the config for its life.
  explicit EndpointChooser(const Config& config);
  ~EndpointChooser();

  // One call's place at an endpoint.
  struct Place {
    EndpointIndex endpoint = 0;
    uint32_t in_flight = 1;  // with it
    Instant sent{};
    bool awaits = false;  // its first byte is still to come
  };

  size_t count(AccountIndex account) const { return sites_[account].count; }
  bool several() const { return several_; }
  // Whether all that the account has is taken. Never while it has less in flight than the least limit.
  bool full(AccountIndex account, Instant now) const { return adaptive_ && all_taken(account, now); }
  // Whether an endpoint not in `tried` is fit.
  bool has_other(AccountIndex account, EndpointMask tried, Instant now) const;
  // Takes a place; `tried` ones only when there is no other. `conversation`: a hash, 0 for none.
  Place enter(AccountIndex account, EndpointMask tried, uint64_t conversation, Instant now);
  void leave(AccountIndex account, Place& place);
  // The first byte of a streamed answer came. `voided`: our own loop stood still meanwhile, so that the time says
  // nothing.
  void first_byte(AccountIndex account, Place& place, Duration took, bool voided, Instant now);
  void served(AccountIndex account, const Place& place, Instant now);
  // True: it was noted here and says nothing of the account, since other endpoints of it are fit.
  bool failed(AccountIndex account, const Place& place, Instant now);
  bool overloaded(AccountIndex account, const Place& place, Duration pause, Instant now);
  // The network's time to it was measured.
  void probed(AccountIndex account, EndpointIndex endpoint, Duration round_trip);

  std::vector<EndpointState> states(AccountIndex account, Instant now) const;
  // How fast the same URLs were as another chooser's account.
  void follow(AccountIndex account, const EndpointChooser& before, AccountIndex from);

 private:
  struct alignas(64) Endpoint {
    std::string_view name;
    std::string_view url;
    std::atomic<int64_t> in_flight{0};
    std::atomic<int64_t> awaiting{0};
    std::atomic<uint32_t> limit{UINT32_MAX};
    std::atomic<Instant> unfit_until{Instant{}};  // ejected or overloaded
    std::atomic<Instant> try_at{Instant{}};       // not before, while it is stale
    std::atomic<uint32_t> tried_turn{0};          // of the account, when it was last heard of or tried
    std::atomic<bool> failing{false};             // health has something to tell
    std::atomic<bool> open{false};                // ejected, and no call has succeeded since
    FirstByte first_byte;
    mutable std::mutex mutex;  // of what follows
    Health health;
    std::optional<ConcurrencyLimit> concurrency;
  };
  struct Site {
    std::unique_ptr<Endpoint[]> endpoints;
    uint32_t count = 1;
    std::atomic<uint32_t> turn{0};
  };

  bool all_taken(AccountIndex account, Instant now) const;
  static bool fit(const Endpoint& one, Instant now) { return one.unfit_until.load(std::memory_order_relaxed) <= now; }
  static EndpointIndex choose(Site& site, EndpointMask tried, uint64_t conversation, Instant now);
  static bool take_try(Site& site, Endpoint& one, Instant newest, uint32_t turn, Instant now);

  const Config& config_;
  const bool adaptive_;
  bool several_ = false;
  std::vector<Site> sites_;  // per account
};

}  // namespace baton::accounts
