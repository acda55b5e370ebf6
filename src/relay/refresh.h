// Refreshes: questions whose kept answer was given out beyond its time and that are asked anew while nobody waits. Each
// is a call like any other, made for the same caller from a copy of the request, with limits, budget and ledger row of
// its own; the reply goes nowhere but into the cache.
// And questions that come round (reuse/foresight.h): each is held packed until a little before it is expected, and
// asked then if nobody has asked it since; its caller is recognised anew. Life: one per loop, outlives its relays'
// calls; cut() and settled() before it goes. Thread: its loop. Bounds: kRefreshesMax at once; one for each kept reply,
// and no sooner again than kRefreshPause after one that failed; the copies are charged to the replies' budget.
// kLaterMax that wait, of kLaterBytesMax.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "auth/authenticator.h"
#include "base/byte_budget.h"
#include "edge/server.h"
#include "relay/call.h"
#include "relay/due_list.h"
#include "reuse/foresight.h"
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
    reuse::Foresight* foresight = nullptr;  // null: nothing waits
    std::function<Relay&()> relay = {};     // the one that serves calls when its time has come
  };
  explicit Refreshes(const Parts& parts);
  ~Refreshes() override;

  // Asks for `reply` anew what `call` asks, unless that is done already or there are too many. Copies what it needs of
  // the call. `life` keeps the relay.
  void begin(Relay& relay, std::shared_ptr<const void> life, const Call& call,
             std::shared_ptr<const reuse::KeptReply> reply);
  // What `call` asks is to be asked anew when `plan` says.
  void later(const Call& call, const reuse::Foresight::Plan& plan);
  size_t waiting() const { return later_.size(); }
  void forget() { later_.clear(); }  // those that wait
  // Ends those that are under way and forgets those that wait; none begins any more.
  void cut();
  bool settled() const { return server_.settled(); }

  runtime::Task<void> serve(edge::Exchange& exchange) override;
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

 private:
  class Stream;
  struct Later {
    reuse::Foresight::Plan plan;
    std::string head, body, peer;
    bool packed = false;
    BudgetShare share;
  };
  void begin(Later later);

  Parts parts_;
  edge::Config config_;
  std::atomic<int64_t> connections_{0};
  ByteBudget later_bytes_{reuse::kLaterBytesMax};
  DueList<Later> later_;
  edge::Server server_;
};

}  // namespace baton::relay
