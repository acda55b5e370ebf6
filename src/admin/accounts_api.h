// AccountsApi: how the accounts stand, and the operator's word on them.
// Life: made in app/, outlives the Api. Thread: the operator's loop; the pool is safe by itself. Bounds: the pool's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "accounts/pool.h"
#include "admin/api.h"
#include "runtime/clock.h"

namespace baton::admin {

// The pool of the configuration in force, kept as long as it is looked at.
using PoolInForce = std::function<std::shared_ptr<accounts::AccountPool>()>;

class AccountsApi {
 public:
  AccountsApi(PoolInForce pool, const runtime::Clock& clock) : pool_(std::move(pool)), clock_(clock) {}
  void serve(Api& api);

  std::string list() const;
  // 404 for a name that is none.
  ApiReply set_duty(std::string_view name, accounts::Duty duty, std::string_view body);

 private:
  PoolInForce pool_;
  const runtime::Clock& clock_;
};

// "ready", "benched", "parked", "ejected", "draining" or "probing": the most severe that holds.
std::string_view account_state(const accounts::AccountState& state, Instant now);

}  // namespace baton::admin
