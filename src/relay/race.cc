#include "relay/race.h"

#include <exception>
#include <utility>

#include "runtime/wait.h"

namespace baton::relay {

using accounts::Lease;
using runtime::Task;

namespace {

struct Runner {
  runtime::Cancellation cancel;
  std::optional<Tried> tried;
  bool started = false;
  bool ended = false;

  bool good() const { return tried && !tried->failure && tried->verdict.next == accounts::Next::kDeliver; }
  bool running() const { return started && !ended; }
};

Task<void> run(const Parts& parts, Call& call, Lease lease, bool fresh, Runner& runner, runtime::Slot& ended) {
  runner.started = true;
  try {
    runner.tried.emplace(
        co_await try_account(parts, call, std::move(lease), {.cancel = runner.cancel, .fresh = fresh}));
  } catch (const std::exception&) {  // no memory: as if it had not been made
  }
  runner.ended = true;
  ended.notify();
}

class Race {
 public:
  Race(const Parts& parts, Call& call, bool fresh, Seeker& seeker)
      : parts_(parts), call_(call), fresh_(fresh), seeker_(seeker) {}

  Task<Tried> run_both(Lease lease, Duration after);

 private:
  void begin_second();
  void cancel_losers();
  bool over() const { return !first_.running() && !second_.running(); }
  Tried finish();

  const Parts& parts_;
  Call& call_;
  const bool fresh_;
  Seeker& seeker_;
  accounts::AccountIndex index_ = 0;
  Runner first_;
  Runner second_;
  runtime::Slot ended_;
  runtime::TaskGroup group_;
};

void Race::begin_second() {
  auto lease = seeker_.beside(index_);
  if (!lease) return;
  if (!parts_.accounts.hedging().spend()) {
    parts_.accounts.ended(*lease, {.effect = accounts::Effect::kNothing, .reached = false}, parts_.loop.now());
    return;
  }
  parts_.metrics.hedged();
  seeker_.tried(lease->index());
  group_.spawn(run(parts_, call_, std::move(*lease), fresh_, second_, ended_));
}

void Race::cancel_losers() {
  runtime::Cancellation& client = call_.cancel();
  if (client.cancelled() || first_.good()) second_.cancel.cancel(runtime::CancelReason::kClientGone);
  if (client.cancelled() || second_.good()) first_.cancel.cancel(runtime::CancelReason::kClientGone);
}

Tried Race::finish() {
  const bool second_wins = second_.good() || (!first_.good() && second_.tried && !first_.tried);
  Tried won = std::move(second_wins ? *second_.tried : first_.tried.value());
  if (!second_.started) return won;
  won.resent = true;
  if (second_wins && second_.good()) parts_.metrics.hedge_won();
  // How long the other one had been waited for says something too.
  const Runner& lost = second_wins ? first_ : second_;
  auto& attempts = call_.outcome.attempts;
  if (lost.tried && lost.tried->verdict.result == model::AttemptResult::kCancelled) {
    parts_.accounts.hedging().learn(seeker_.ask().limits, call_.facts.stream,
                                    attempts[lost.tried->answer->attempt].total);
  }
  // The last Attempt of an outcome is the one that is delivered.
  std::swap(attempts[won.answer->attempt], attempts.back());
  won.answer->attempt = attempts.size() - 1;
  return won;
}

Task<Tried> Race::run_both(Lease lease, Duration after) {
  index_ = lease.index();
  Instant second_at = parts_.loop.now() + after;
  group_.spawn(run(parts_, call_, std::move(lease), fresh_, first_, ended_));
  while (!over()) {
    cancel_losers();
    const bool cancelled = call_.cancel().cancelled();
    if (second_at <= parts_.loop.now()) {
      second_at = runtime::kNever;
      if (!cancelled && first_.running()) begin_second();
      continue;
    }
    co_await runtime::wait(parts_.loop, {.cancel = cancelled ? nullptr : &call_.cancel(),
                                         .until = second_.started ? runtime::kNever : second_at,
                                         .slot = &ended_});
  }
  while (group_.size() > 0) co_await runtime::wait(parts_.loop, {.slot = &group_.empty});
  co_return finish();
}

}  // namespace

Task<Tried> race(const Parts& parts, Call& call, Lease lease, bool fresh, Duration after, Seeker& seeker) {
  Race both(parts, call, fresh, seeker);
  co_return co_await both.run_both(std::move(lease), after);
}

}  // namespace baton::relay
