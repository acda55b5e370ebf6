// AdminThread: the operator's port on a loop and thread of its own, so that a scrape or a report never stands in a
// call's way; with it the desk that waits for the disk.
// Life: in serve(), made after the workers, ended after them. Thread: construction and the end on the app's, the rest
// on its own. Bounds: those of admin/.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/access.h"
#include "admin/accounts_api.h"
#include "admin/api.h"
#include "admin/audit_log.h"
#include "admin/cache_api.h"
#include "admin/desk.h"
#include "admin/keys_api.h"
#include "admin/ledger_api.h"
#include "admin/overview.h"
#include "admin/relay_api.h"
#include "app/account_probe.h"
#include "app/admin_handler.h"
#include "app/inherited.h"
#include "app/loop_thread.h"
#include "app/shared.h"
#include "edge/server.h"
#include "net/tcp_listener.h"

namespace baton::app {

class AdminThread : public LoopThread {
 public:
  struct Parts {
    Shared& shared;
    std::vector<admin::TokenConfig> tokens;
    std::string config_path;
    std::function<Expected<uint64_t>()> reload;  // on any thread but a loop's
    std::function<void()> keys_changed;          // so is this: the relay takes them over
  };
  explicit AdminThread(Parts parts);
  ~AdminThread();
  // The operator's port, on what was inherited of it. kConfig when an address cannot be bound.
  Expected<uint16_t> listen(Inherited& inherited);
  // Any thread, while its own runs: other descriptors of what listens, for a successor.
  std::vector<Inherited::Socket> listening_sockets();
  // A successor serves: what is open may finish.
  void leave();
  void end();

 private:
  // Takes a sample each second.
  struct Ticker : runtime::Waiter {
    runtime::Timer timer;
    AdminThread* admin = nullptr;
    void arm();
  };
  // Every second; at most one reading of the ledger at a time.
  void turn();
  static admin::Config config_of(const config::Settings& settings);
  struct Listening {
    Inherited::Role role;
    edge::ListenConfig where;
    net::TcpListener* listener;
  };
  Expected<uint16_t> listen_on(Inherited::Role role, const edge::ListenConfig& where, Inherited& inherited);

  Shared& shared_;
  admin::AdminPages pages_;
  admin::Access access_;
  admin::AuditLog audit_;
  admin::Overview overview_;
  admin::RelayApi relay_api_;
  admin::CacheApi cache_api_;
  admin::AccountsApi accounts_api_;
  admin::KeysApi keys_api_;
  admin::LedgerApi ledger_api_;
  AccountProbe account_probe_;
  std::unique_ptr<admin::Desk> desk_;
  admin::Api api_;
  AdminHandler handler_;
  AdminHandler metrics_handler_;
  edge::Config config_;
  ByteBudget request_bytes_{16 * kMiB};
  std::atomic<int64_t> connections_{0};
  edge::Server server_;
  edge::Server metrics_server_;
  std::vector<Listening> listening_;
  Ticker ticker_;
  runtime::TaskGroup refreshing_;
  Instant refreshed_{};
};

// The operator's tokens: those of the configuration and the one in the data folder, which is made and shown at the
// first start. kConfig with a sentence.
Expected<std::vector<admin::TokenConfig>> operator_tokens(Shared& shared);

}  // namespace baton::app
