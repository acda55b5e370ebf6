// KeysApi: the keys of clients, made, changed, rotated and revoked through the operator's API as by `baton keys`, and
// what teams may spend. A key is in the reply that makes it and nowhere else. What was changed is in force when the
// reply is sent. Life: made in app/, outlives the Api. Thread: the operator's loop; the store is opened at the Desk for
// each question, since `baton keys` and the relay have it open too. Bounds: those of auth::KeyStore.
#pragma once

#include <functional>
#include <string>

#include "admin/api.h"
#include "admin/key_json.h"
#include "auth/key_store.h"
#include "ledger/budgets.h"
#include "ledger/place.h"

namespace baton::admin {

class KeysApi {
 public:
  struct Parts {
    ledger::Place place;                       // the keys are in its folder
    const ledger::Budgets* budgets = nullptr;  // borrowed; null: what is spent is the ledger's alone
    std::function<void()> changed = {};        // at the desk, once something was: the relay takes it over
  };
  explicit KeysApi(Parts parts) : parts_(std::move(parts)) {}
  void serve(Api& api);

 private:
  using Work = std::function<ApiReply(WallTime now)>;
  runtime::Task<ApiReply> at_desk(const Api::Parts& api, Work work);
  Expected<auth::StoredKeys> read() const;
  ApiReply list(WallTime now) const;
  ApiReply create(std::string_view body, WallTime now) const;
  ApiReply change(std::string_view name, std::string_view body, WallTime now) const;
  ApiReply rotate(std::string_view name, std::string_view body, WallTime now) const;
  ApiReply revoke(std::string_view name, WallTime now) const;
  ApiReply teams(WallTime now) const;
  ApiReply change_team(std::string_view name, std::string_view body, WallTime now) const;
  ApiReply shown(const auth::StoredKey& key, const Secret* secret, WallTime now) const;
  void tell() const {
    if (parts_.changed) parts_.changed();
  }

  Parts parts_;
};

}  // namespace baton::admin
