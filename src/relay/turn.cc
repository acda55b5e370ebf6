#include "relay/turn.h"

#include <algorithm>

#include "relay/kept.h"
#include "runtime/wait.h"

namespace baton::relay {

using Whose = reuse::SharedReplies::Turn::Whose;

namespace {

struct Waiting {
  explicit Waiting(metrics::RedisCounts& of) : counts(of) { ++counts.waiting; }
  ~Waiting() { --counts.waiting; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  metrics::RedisCounts& counts;
};

}  // namespace

runtime::Task<TurnTaken> take_turn(const Parts& parts, Call& call, runtime::Cancellation& cancel) {
  TurnTaken taken;
  if (parts.shared == nullptr || !call.keep_as || !call.may_join || !parts.shared->up()) co_return taken;
  if (!call.refreshes && !call.asked) co_return taken;  // it was away when the call came
  const reuse::Digest digest = *call.keep_as;
  const bool look = !call.refreshes;
  Instant until = std::min(call.until, parts.loop.now() + parts.shared->config().wait_max);
  if (call.patience) until = std::min(until, call.exchange.started() + *call.patience);
  std::optional<Waiting> waiting;
  for (Duration pause = reuse::kTurnPauseMin;; pause = std::min(2 * pause, reuse::kTurnPauseMax)) {
    auto turn = co_await parts.shared->take_turn(digest, call.facts.stream, look);
    if (turn.whose == Whose::kThere && fits(parts, call, *turn.reply)) {
      if (waiting) ++waiting->counts.waits_served;
      taken.waited = waiting.has_value();
      adopt(parts, call, turn.reply);
      taken.reply = std::move(turn.reply);
      co_return taken;
    }
    taken.lease = std::move(turn.lease);
    taken.other_refreshes = !look && turn.whose == Whose::kOther;
    if (turn.whose != Whose::kOther || !look) {
      if (waiting) ++waiting->counts.waits_over;
      co_return taken;
    }
    if (!waiting) waiting.emplace(parts.shared->counts());
    const Instant now = parts.loop.now();
    if (now >= until || cancel.cancelled()) {
      ++waiting->counts.waits_over;
      co_return taken;
    }
    co_await runtime::wait(parts.loop, {.cancel = &cancel, .until = std::min(until, now + pause)});
  }
}

}  // namespace baton::relay
