// LedgerApi: what was used and what happened, from the ledger's rows: usage in groups, the latest calls, one call's
// story, and what today has cost so far.
// Life: made in app/, outlives the Api. Thread: the operator's loop; the ledger is read at the Desk. Bounds: those of
// ledger/call_list.h and ledger/usage_report.h.
#pragma once

#include <string>

#include "admin/api.h"
#include "admin/overview.h"
#include "ledger/call_list.h"

namespace baton::admin {

class LedgerApi {
 public:
  explicit LedgerApi(ledger::Place place) : place_(std::move(place)) {}
  void serve(Api& api);

  // Reads at the desk what today has cost, and shows it there. One at a time: the caller waits for it.
  runtime::Task<void> refresh_money(const Api::Parts& api, Overview& overview);

 private:
  ApiReply usage(std::string_view query, WallTime now) const;
  ApiReply calls(std::string_view query) const;
  ApiReply call(std::string_view id) const;

  ledger::Place place_;
  ledger::SpentToday spent_;
};

}  // namespace baton::admin
