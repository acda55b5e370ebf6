// KeepWarm: prompts whose entry in a vendor's prompt cache is kept from running out: when accounts::PromptWarmth says
// so, the call that last used it is made once more shortly before, with max_tokens 0 (or 1, where the vendor refuses
// that) and unstreamed, for the same caller at the same account, while nobody waits. Such a call has a ledger row of
// its own (tag kKeepWarmTag) and counts in its caller's budgets, but not in its key's limits of calls and tokens; it
// waits for nothing and is never repeated. A caller whose key has `cache: off`, or who says so in the call, gets none,
// nor do signed calls and those with a credential of the caller's own. Life: one per loop, outlives its relays' calls;
// cut() and settled() before it goes. Thread: its loop. Bounds: kWarmWaitingMax prompts, their requests within `bytes`
// and kWarmBodyBytesMax each; kWarmCallsMax calls at once. What is beyond is let go. Source: vendor API reference,
// max_tokens 0 warms the cache (read 2026-11).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>

#include "accounts/prompt_warmth.h"
#include "edge/server.h"
#include "relay/answer.h"
#include "relay/call.h"
#include "relay/due_list.h"
#include "relay/warm_copy.h"

namespace baton::relay {

class Relay;

inline constexpr std::string_view kKeepWarmTag = "baton=keep-warm";

class KeepWarm final : public edge::Handler {
 public:
  struct Parts {
    runtime::Loop& loop;
    ByteBudget& request_bytes;
    ByteBudget& bytes;  // what is held of requests, of all loops
    metrics::RelayMetrics::Shard& metrics;
    accounts::PromptWarmth* warmth = nullptr;  // null: nothing is kept warm or learnt
    const ledger::Budgets* budgets = nullptr;  // its prices; null: none are known
    std::function<Relay&()> relay;             // the one that serves calls now
  };
  explicit KeepWarm(Parts parts);
  ~KeepWarm() override;
  bool enabled() const { return parts_.warmth != nullptr; }

  // While its request is there and before it goes: notes in the call what is needed of it, if it may come to that.
  void hold(Call& call);
  // The call's usage is known.
  void answered(Call& call, const Answer& answer, const model::Usage& usage);
  // Ends calls that are under way and forgets the others; none begins any more.
  void cut();
  bool settled() const { return server_.settled(); }
  size_t waiting() const { return waiting_.size(); }

  runtime::Task<void> serve(edge::Exchange& exchange) override;
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

 private:
  class Stream;
  struct Waiting {
    accounts::PromptWarmth::Ticket ticket;
    std::unique_ptr<WarmCopy> copy;
  };

  void wait(accounts::PromptWarmth::Ticket ticket, std::unique_ptr<WarmCopy> copy);
  void begin(Waiting waiting);
  void ended(Waiting waiting, const Warming& warming, Instant began);

  Parts parts_;
  edge::Config config_;
  std::atomic<int64_t> connections_{0};
  DueList<Waiting> waiting_;
  bool one_token_ = false;  // the vendor refuses max_tokens 0
  edge::Server server_;
};

// Whether this caller and this call allow that its prompt is asked for again.
bool may_keep_warm(const Call& call);

}  // namespace baton::relay
