#include "relay/attempt.h"

#include <algorithm>
#include <utility>

#include "relay/race.h"
#include "relay/receive.h"
#include "relay/reword.h"
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

  Task<Expected<AnswerPtr>> run();

 private:
  enum class Step : uint8_t { kDeliver, kTry, kWait };

  Task<Expected<Lease>> first_lease();
  Expected<void> check_first(const Lease& lease) const;
  Task<Tried> try_once(Lease lease);
  // When a second attempt is to be made beside; nothing: never.
  std::optional<Duration> hedge_after();
  // What follows from how a try went. kTry: next_ is set.
  Step decide(const Tried& tried);
  bool may_repeat(const Tried& tried);
  // Where a repetition goes, now or later; nothing when every route has been gone.
  std::optional<Step> next_step(const Tried& tried);
  // Turns to the next model that may stand in for the one that was asked for.
  bool fall_back();
  // The same account at another of its endpoints, where it is the endpoint that failed.
  std::optional<Lease> elsewhere(const Tried& tried);
  // The answer where nothing better can be had any more.
  Expected<AnswerPtr> last(Tried& tried);
  // Puts an answer aside, lets go of its account, and comes to the next one.
  Task<Expected<Lease>> move_on(Tried& tried, Step step);

  const Parts& parts_;
  Call& call_;
  ExchangeBody source_;
  Seeker seeker_;
  accounts::RetryBudget::Hold under_way_;
  accounts::RetryBudget::Hold repetition_;
  std::optional<Lease> next_;
  AnswerPtr spared_;              // what the client gets if nothing better comes
  std::optional<Error> refused_;  // why there was no account for the model that was asked for
  std::optional<Instant> refused_until_;
  bool repeated_ = false;  // a call that may have been processed was sent again
  size_t fallbacks_ = 0;   // models that were turned to
  size_t step_began_ = 0;  // Attempts before the present group or model
  accounts::AccountIndex last_index_ = 0;
  accounts::EndpointMask tried_endpoints_ = 0;  // of that account
};

// An account that owns objects may since have become one that forwards the caller's credential, and here that is
// Baton's own key.
Expected<void> Attempts::check_first(const Lease& lease) const {
  if (lease.account().passthrough == call_.passthrough) return {};
  return fail(ErrorCode::kNoAccount, Fault::kUs,
              "The account that made this object forwards callers' own credentials now.");
}

std::optional<Duration> Attempts::hedge_after() {
  accounts::Hedging& hedging = parts_.accounts.hedging();
  if (!hedging.enabled() || call_.weight || !call_.route.inference || !call_.repeatable() || call_.passthrough ||
      call_.bound_account || repeated_ || call_.outcome.attempts.size() + 2 > parts_.attempts_max)
    return std::nullopt;
  if (call_.outcome.attempts.empty()) hedging.call();
  return hedging.after(seeker_.ask().limits, call_.facts.stream);
}

Task<Tried> Attempts::try_once(Lease lease) {
  const size_t made = call_.outcome.attempts.size() - step_began_;
  if (auto after = hedge_after()) return race(parts_, call_, std::move(lease), /*fresh=*/made > 0, *after, seeker_);
  // A kept connection may turn out to be stale, which is one attempt more than there may be.
  const bool last = made > 0 && made + 1 >= parts_.attempts_max;
  const bool in_pieces = call_.route.streams_body && call_.exchange.head().framing != http::Framing::kNone;
  return try_account(parts_, call_, std::move(lease),
                     {.cancel = call_.cancel(),
                      .source = in_pieces ? &source_ : nullptr,
                      .fresh = call_.route.creates || repeated_ || last});
}

bool Attempts::may_repeat(const Tried& tried) {
  const accounts::Verdict& verdict = tried.verdict;
  if (verdict.next == Next::kDeliver || call_.passthrough || call_.bound_account) return false;
  if (!call_.repeatable() && !(tried.unsent() && !source_.touched())) return false;
  if (verdict.next == Next::kOnceMore && repeated_) return false;
  // What a budget has reserved for is no more than this.
  const size_t most = call_.weight ? parts_.attempts_max : model::kAttemptsMax;
  return call_.outcome.attempts.size() < most && parts_.loop.now() < call_.until;
}

std::optional<Attempts::Step> Attempts::next_step(const Tried& tried) {
  if (call_.outcome.attempts.size() - step_began_ < parts_.attempts_max) {
    // Where nothing was sent the account keeps the call, and with it its prompt cache.
    if (tried.unsent()) next_ = elsewhere(tried);
    if (!next_) next_ = seeker_.other();
    if (!next_) next_ = elsewhere(tried);
    if (next_) return Step::kTry;
    if (seeker_.may_wait(tried.verdict)) return Step::kWait;
    // A connection that broke is worth a second try even where nothing waits and there is only one account.
    if (tried.verdict.result == model::AttemptResult::kReset) {
      next_ = parts_.accounts.take(tried.index);
      return Step::kTry;
    }
  } else if (next_ = seeker_.later_group(); next_) {
    step_began_ = call_.outcome.attempts.size();
    return Step::kTry;
  }
  while (fall_back()) {
    next_ = seeker_.other();
    if (next_) return Step::kTry;
    if (seeker_.may_wait({})) return Step::kWait;
  }
  return std::nullopt;
}

bool Attempts::fall_back() {
  const accounts::Chain* chain = seeker_.ask().chain;
  if (chain == nullptr || chain->fallback_models.empty() || call_.route.operation != model::Operation::kMessages)
    return false;
  if (call_.weight) return false;               // a budget has reserved at the price of the model asked for
  if (call_.outlives != nullptr) return false;  // what others read too is the model's that they asked for
  const auto* allowed = call_.exchange.head().find("baton-allow-model-fallback");
  if (allowed == nullptr || (allowed->value != "1" && allowed->value != "true")) return false;
  while (fallbacks_ < chain->fallback_models.size()) {
    const std::string& model = chain->fallback_models[fallbacks_++];
    if (model == call_.outcome.model || (call_.caller.key && !auth::allow_model(*call_.caller.key, model))) continue;
    auto wording =
        reword(parts_.reply_bytes, call_.exchange.body(), call_.client_coding(), call_.route.body_bytes_max, model);
    if (!wording) return false;
    call_.wording = std::move(*wording);
    call_.facts.model = model;
    seeker_.ask_for(model);
    step_began_ = call_.outcome.attempts.size();
    return true;
  }
  return false;
}

std::optional<Lease> Attempts::elsewhere(const Tried& tried) {
  const accounts::Effect effect = tried.verdict.effect;
  if (effect != accounts::Effect::kFailed && effect != accounts::Effect::kOverloaded) return std::nullopt;
  return parts_.accounts.take_elsewhere(tried.index, tried_endpoints_, parts_.loop.now());
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
  return next_step(tried).value_or(Step::kDeliver);
}

Expected<AnswerPtr> Attempts::last(Tried& tried) {
  // What a model that was not asked for does not understand is no answer to the client.
  const bool misled = call_.wording && tried.verdict.result == model::AttemptResult::kClientError;
  if (!tried.failure && !misled) return std::move(tried.answer);
  if (spared_) return std::move(spared_);
  if (refused_) return std::unexpected(std::move(*refused_));
  if (!tried.failure) return std::move(tried.answer);
  return std::unexpected(std::move(*tried.failure));
}

Task<Expected<Lease>> Attempts::move_on(Tried& tried, Step step) {
  if (tried.verdict.next == Next::kOnceMore) repeated_ = true;
  const bool keep = !tried.failure && co_await spare(parts_, call_, *tried.answer);
  tried.answer->lease.reset();
  if (keep) spared_ = std::move(tried.answer);
  if (call_.cancel().cancelled()) co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client has gone.");
  if (step == Step::kTry) {
    Lease next = std::move(*next_);
    next_.reset();
    co_return next;
  }
  co_return co_await seeker_.wait();
}

// Where no account can take the call in time, a model that may stand in is asked, if there is one.
Task<Expected<Lease>> Attempts::first_lease() {
  auto lease = co_await seeker_.first();
  while (!lease && lease.error().code == ErrorCode::kNoAccount) {
    if (!refused_) refused_ = lease.error();
    if (call_.retry_at) refused_until_ = std::min(refused_until_.value_or(*call_.retry_at), *call_.retry_at);
    if (!fall_back()) break;
    lease = co_await seeker_.first();
  }
  call_.retry_at = refused_until_;
  if (!lease && refused_ && lease.error().code == ErrorCode::kNoAccount) co_return std::unexpected(*refused_);
  co_return lease;
}

Task<Expected<AnswerPtr>> Attempts::run() {
  auto lease = co_await first_lease();
  if (!lease) co_return std::unexpected(lease.error());
  if (auto fits = check_first(*lease); !fits) co_return std::unexpected(fits.error());
  while (true) {
    Tried tried = co_await try_once(std::move(*lease));
    repetition_ = {};
    repeated_ |= tried.resent;
    if (parts_.accounts.hedging().enabled() && tried.verdict.effect == accounts::Effect::kServed)
      parts_.accounts.hedging().learn(seeker_.ask().limits, call_.facts.stream,
                                      call_.outcome.attempts[tried.answer->attempt].first_byte);
    if (call_.wording) tried.answer->fallback_model = call_.facts.model;
    if (tried.failure && tried.failure->fault == Fault::kClient) co_return std::unexpected(*tried.failure);
    seeker_.tried(tried.index);
    if (tried.index != std::exchange(last_index_, tried.index)) tried_endpoints_ = 0;
    tried_endpoints_ |= accounts::EndpointMask{1} << tried.endpoint;
    const Step step = decide(tried);
    if (step == Step::kDeliver) {
      repetition_ = {};
      co_return last(tried);
    }
    lease = co_await move_on(tried, step);
    if (lease) continue;
    if (lease.error().code == ErrorCode::kCancelled) co_return std::unexpected(lease.error());
    if (spared_) co_return std::move(spared_);
    co_return std::unexpected(tried.failure ? *tried.failure : lease.error());
  }
}

}  // namespace

Task<Expected<AnswerPtr>> attempt_all(const Parts& parts, Call& call) {
  Attempts attempts(parts, call);
  co_return co_await attempts.run();
}

}  // namespace baton::relay
