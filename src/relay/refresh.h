// Refreshes: questions whose kept answer was given out beyond its time and that are asked anew while nobody waits. Each
// is a call like any other, made for the same caller from a copy of the request, with limits, budget and ledger row of
// its own; the reply goes nowhere but into the cache.
// Life: one per loop, outlives its relays' calls; cut() and settled() before it goes. Thread: its loop. Bounds:
// kRefreshesMax at once; one for each kept reply, and no sooner again than kRefreshPause after one that failed; the
// copies are charged to the replies' budget.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "auth/authenticator.h"
#include "base/byte_budget.h"
#include "edge/server.h"
#include "relay/call.h"
#include "reuse/reply_store.h"

namespace baton::relay {

class Relay;

class Refreshes final : public edge::Handler {
 public:
  struct Parts {
    runtime::Loop& loop;
    ByteBudget& request_bytes;
    ByteBudget& reply_bytes;
    metrics::RelayMetrics::Shard& metrics;
  };
  explicit Refreshes(const Parts& parts);
  ~Refreshes() override;

  // Asks for `reply` anew what `call` asks, unless that is done already or there are too many. Copies what it needs of
  // the call. `life` keeps the relay.
  void begin(Relay& relay, std::shared_ptr<const void> life, const Call& call,
             std::shared_ptr<const reuse::KeptReply> reply);
  // Ends those that are under way; none begins any more.
  void cut();
  bool settled() const { return server_.settled(); }

  runtime::Task<void> serve(edge::Exchange& exchange) override;
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

 private:
  class Stream;

  Parts parts_;
  edge::Config config_;
  std::atomic<int64_t> connections_{0};
  edge::Server server_;
};

}  // namespace baton::relay
