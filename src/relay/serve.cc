// The walk of a request: recognised, read, attempted, delivered; whatever happens, closed once.
#include <exception>

#include "relay/attempt.h"
#include "relay/budget.h"
#include "relay/deliver.h"
#include "relay/fly.h"
#include "relay/keep_warm.h"
#include "relay/kept.h"
#include "relay/objects.h"
#include "relay/refresh.h"
#include "relay/relay.h"
#include "relay/resume.h"
#include "relay/seal.h"

namespace baton::relay {

using runtime::Task;

Task<void> Relay::serve_call(edge::Exchange& exchange, Own own) {
  const std::shared_ptr<const void> life = parts_.life != nullptr ? parts_.life->lock() : nullptr;  // goes last
  Call call = begin(exchange);
  call.warming = own.warming;
  metrics::Held in_flight = parts_.metrics.call_in_flight();
  Expected<void> walked;
  try {
    walked = co_await (own.warming != nullptr ? walk_warm(call) : walk(call, own));
    if (!walked && stands_in(call, walked.error())) walked = co_await deliver_spare(parts_, call, walked.error());
  } catch (const std::exception&) {  // no memory: this call ends, and no other
    walked = fail(ErrorCode::kInternal, Fault::kUs, {});
  }
  if (!walked) co_await answer_error(call, walked.error());
  close(call);
}

Task<Expected<void>> Relay::walk(Call& call, Own own) {
  if (call.route.operation == model::Operation::kProbe) co_return co_await answer_probe(call);
  if (call.route.operation == model::Operation::kStreamResume) co_return co_await resume(parts_, call);
  if (auto room = shed(call); !room) co_return std::unexpected(room.error());
  call.refreshes = own.unasked;
  if (own.caller != nullptr) {
    call.caller = *own.caller;
    call.outcome.client = call.caller.name;
    call.outcome.client_address = call.caller.client_address;
  } else {
    if (auto recognised = recognise(call); !recognised) co_return std::unexpected(recognised.error());
    if (call.caller.proof) {
      if (auto proved = co_await prove(call); !proved) co_return std::unexpected(proved.error());
    }
  }
  if (auto let_in = count_in(call); !let_in) co_return std::unexpected(let_in.error());
  if (auto read_in = co_await read(call); !read_in) co_return std::unexpected(read_in.error());
  auto kept = find_kept(parts_, call, digester_ ? &*digester_ : nullptr);
  if (!kept) co_return std::unexpected(kept.error());
  if (call.asked) *kept = co_await find_shared(parts_, call, *digester_);
  if (*kept) {
    if ((*kept)->refresh && parts_.refreshes != nullptr)
      parts_.refreshes->begin(*this, parts_.life != nullptr ? parts_.life->lock() : nullptr, call, (*kept)->reply);
    co_return co_await deliver_kept(parts_, call, std::move(**kept));
  }
  co_return co_await make(call);
}

// As any call of its caller's, but at one account or not at all, at once or not at all, and of no limit of its key's.
Task<Expected<void>> Relay::walk_warm(Call& call) {
  if (auto room = shed(call); !room) co_return std::unexpected(room.error());
  if (auto recognised = recognise(call); !recognised) co_return std::unexpected(recognised.error());
  if (auto let_in = count_in(call); !let_in) co_return std::unexpected(let_in.error());
  if (auto read_in = co_await read(call); !read_in) co_return std::unexpected(read_in.error());
  if (call.caller.name != call.warming->client || !may_keep_warm(call))
    co_return fail(ErrorCode::kForbidden, Fault::kClient, "This caller's prompts are not kept warm any more.");
  call.outcome.cache = model::CacheUse::kWarm;
  call.patience = Duration{0};
  co_return co_await make(call);
}

Task<Expected<void>> Relay::make(Call& call) {
  if (call.weight) {
    if (auto reserved = co_await reserve_budget(parts_, call); !reserved) co_return std::unexpected(reserved.error());
  }
  if (auto noted = intend(parts_, call); !noted) co_return std::unexpected(noted.error());
  if (call.warming != nullptr) {
    call.bound_account = call.warming->account;
  } else {
    if (auto taken = take_tokens(call); !taken) co_return std::unexpected(taken.error());
    call.bound_account = owner_of(parts_, call);
  }
  auto flown = co_await fly(parts_, call);
  if (!flown) co_return std::unexpected(flown.error());
  if (*flown) co_return Expected<void>{};
  auto answer = co_await attempt_all(parts_, call);
  if (!answer) co_return std::unexpected(answer.error());
  if (call.spare != nullptr && co_await deliver_spare_for(parts_, call, **answer)) co_return Expected<void>{};
  co_await deliver(parts_, call, **answer);
  co_return Expected<void>{};
}

}  // namespace baton::relay
