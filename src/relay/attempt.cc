#include "relay/attempt.h"

#include <utility>

#include "relay/receive.h"
#include "relay/seek.h"
#include "relay/try_account.h"

namespace baton::relay {

using accounts::Lease;
using accounts::Next;
using runtime::Task;

namespace {

class ExchangeBody final : public upstream::BodySource {
 public:
  ExchangeBody(edge::Exchange& exchange, size_t bytes_max) : exchange_(exchange), bytes_max_(bytes_max) {}
  Task<Expected<std::string_view>> next() override {
    touched_ = true;
    return exchange_.read_piece(bytes_max_);
  }
  // A body that came whole has the exchange's own watch.
  runtime::ByteStream* sender() override { return exchange_.body_complete() ? nullptr : &exchange_.stream(); }
  bool touched() const { return touched_; }

 private:
  edge::Exchange& exchange_;
  size_t bytes_max_;
  bool touched_ = false;
};

class Attempts {
 public:
  Attempts(const Parts& parts, Call& call)
      : parts_(parts),
        call_(call),
        source_(call.exchange, call.route.body_bytes_max),
        seeker_(parts, call),
        under_way_(parts.accounts.retry_budget().call()) {}

  Task<Expected<Answer>> run();

 private:
  enum class Step : uint8_t { kDeliver, kTry, kWait };

  Expected<void> check_first(const Lease& lease) const;
  Task<Tried> try_once(Lease lease);
  // What follows from how a try went. kTry: next_ is set.
  Step decide(const Tried& tried);
  bool may_repeat(const Tried& tried);
  // The answer where nothing better can be had any more.
  Expected<Answer> last(Tried& tried);
  // Puts an answer aside, lets go of its account, and comes to the next one.
  Task<Expected<Lease>> move_on(Tried& tried, Step step);

  const Parts& parts_;
  Call& call_;
  ExchangeBody source_;
  Seeker seeker_;
  accounts::RetryBudget::Hold under_way_;
  accounts::RetryBudget::Hold repetition_;
  std::optional<Lease> next_;
  std::optional<Answer> spared_;  // what the client gets if nothing better comes
  bool repeated_ = false;         // a call that may have been processed was sent again
};

// An account that owns objects may since have become one that forwards the caller's credential, and here that is
// Baton's own key.
Expected<void> Attempts::check_first(const Lease& lease) const {
  if (lease.account().passthrough == call_.passthrough) return {};
  return fail(ErrorCode::kNoAccount, Fault::kUs,
              "The account that made this object forwards callers' own credentials now.");
}

Task<Tried> Attempts::try_once(Lease lease) {
  const bool in_pieces = call_.route.streams_body && call_.exchange.head().framing != http::Framing::kNone;
  return try_account(
      parts_, call_, std::move(lease),
      {.cancel = call_.cancel(), .source = in_pieces ? &source_ : nullptr, .fresh = call_.route.creates || repeated_});
}

bool Attempts::may_repeat(const Tried& tried) {
  const accounts::Verdict& verdict = tried.verdict;
  if (verdict.next == Next::kDeliver || call_.passthrough || call_.bound_account) return false;
  if (!call_.repeatable() && !(tried.unsent() && !source_.touched())) return false;
  if (verdict.next == Next::kOnceMore && repeated_) return false;
  return call_.outcome.attempts.size() < parts_.attempts_max && parts_.loop.now() < call_.until;
}

Attempts::Step Attempts::decide(const Tried& tried) {
  if (!may_repeat(tried)) return Step::kDeliver;
  if (!tried.verdict.unbudgeted()) {
    repetition_ = parts_.accounts.retry_budget().repetition();
    if (!repetition_) {
      parts_.metrics.retry_budget_refused();
      return Step::kDeliver;
    }
  }
  next_ = seeker_.other();
  if (next_) return Step::kTry;
  if (seeker_.may_wait(tried.verdict)) return Step::kWait;
  // A connection that broke is worth a second try even where nothing waits and there is only one account.
  if (tried.verdict.result != model::AttemptResult::kReset) return Step::kDeliver;
  next_ = parts_.accounts.take(tried.index);
  return Step::kTry;
}

Expected<Answer> Attempts::last(Tried& tried) {
  if (!tried.failure) return std::move(tried.answer);
  if (spared_) return std::move(*spared_);
  return std::unexpected(std::move(*tried.failure));
}

Task<Expected<Lease>> Attempts::move_on(Tried& tried, Step step) {
  if (tried.verdict.next == Next::kOnceMore) repeated_ = true;
  const bool keep = !tried.failure && co_await spare(parts_, call_, tried.answer);
  tried.answer.lease.reset();
  if (keep) spared_ = std::move(tried.answer);
  if (call_.cancel().cancelled()) co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
  if (step == Step::kTry) {
    Lease next = std::move(*next_);
    next_.reset();
    co_return next;
  }
  co_return co_await seeker_.wait();
}

Task<Expected<Answer>> Attempts::run() {
  auto lease = co_await seeker_.first();
  if (!lease) co_return std::unexpected(lease.error());
  if (auto fits = check_first(*lease); !fits) co_return std::unexpected(fits.error());
  while (true) {
    Tried tried = co_await try_once(std::move(*lease));
    repetition_ = {};
    repeated_ |= tried.resent;
    if (tried.failure && tried.failure->fault == Fault::kClient) co_return std::unexpected(*tried.failure);
    seeker_.tried(tried.index);
    const Step step = decide(tried);
    if (step == Step::kDeliver) {
      repetition_ = {};
      co_return last(tried);
    }
    lease = co_await move_on(tried, step);
    if (lease) continue;
    if (lease.error().code == ErrorCode::kCancelled) co_return std::unexpected(lease.error());
    if (spared_) co_return std::move(*spared_);
    co_return std::unexpected(tried.failure ? *tried.failure : lease.error());
  }
}

}  // namespace

Task<Expected<Answer>> attempt_all(const Parts& parts, Call& call) {
  Attempts attempts(parts, call);
  co_return co_await attempts.run();
}

}  // namespace baton::relay
