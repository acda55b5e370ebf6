// Worker: one loop on one thread, with everything that lives on it: poller, resolver, ledger, server, and the Service
// of the newest Revision, which it hands each exchange to. Life: made by the app before the threads start; drained,
// stopped and joined by it. Thread: construction and the end on the app's, the rest on its own.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/inherited.h"
#include "app/loop_thread.h"
#include "app/probe_rounds.h"
#include "app/service.h"
#include "app/shared.h"
#include "edge/server.h"
#include "net/prober.h"
#include "net/resolver.h"
#include "net/tcp_listener.h"
#include "relay/keep_warm.h"
#include "relay/refresh.h"
#include "runtime/loop.h"

namespace baton::app {

// The ports that listeners of the configuration (address, port; 0 for any) have been bound to.
using BoundPorts = std::map<std::pair<std::string, uint16_t>, uint16_t>;

class Worker : public LoopThread, public edge::Handler {
 public:
  Worker(Shared& shared, size_t index);
  ~Worker();
  // The three steps of listening, before the thread starts or on the loop. Opens what is not open yet, on `ports` where
  // they are known already, or goes on with this loop's share of what was inherited; kConfig with the address and the
  // reason.
  Expected<void> prepare_listeners(const config::Settings& settings, BoundPorts& ports, Inherited* inherited = nullptr);
  // Takes that back.
  void forget_listeners();
  // Accepts there; listeners that the settings do not name any more accept what has come and close.
  void use_listeners(const config::Settings& settings);
  // On the loop: other descriptors of what listens, for a successor.
  std::vector<Inherited::Socket> listening_sockets() const;
  // Calls from now on are served under this revision. Before the thread starts, or on the loop.
  void use(std::shared_ptr<Revision> revision);
  // Any thread: asks the loop to stop accepting and let calls finish; `left`, which outlives the worker, is counted
  // down when the last has ended. For a successor that shares the listeners what has come is accepted before they are
  // left, and idle connections stay for one more call.
  enum class Drain : uint8_t { kStop, kHandOver };
  void drain(std::atomic<size_t>& left, Drain how);
  void cut();
  // Cuts what is left, stops the thread and lets every coroutine return.
  void end();

 private:
  struct Watchdog;
  // Stands where the server tells that it is empty.
  struct Drained : runtime::Waiter {
    std::atomic<size_t>* left = nullptr;
  };
  struct Listening {
    std::string address;
    uint16_t port = 0;  // as configured
    net::TcpListener* listener = nullptr;
    std::unique_ptr<net::TcpListener> owned = {};  // until the server has it
    uint64_t refused_counted = 0;                  // of the connections it refused
    bool is(const edge::ListenConfig& one) const { return address == one.address && port == one.port; }
  };
  net::ListenOptions listen_options(const edge::ListenConfig& one, const config::Settings& settings) const;
  runtime::Task<void> serve(edge::Exchange& exchange) override;
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

  Shared& shared_;
  const size_t index_;
  metrics::RelayMetrics::Shard& metrics_;
  std::unique_ptr<net::Resolver> resolver_;
  runtime::Random random_;
  std::unique_ptr<ledger::Ledger> ledger_;
  stream::TapRoom tap_room_;
  reuse::ResumableList resumables_;
  relay::Refreshes refreshes_;
  std::unique_ptr<SharedCacheLoop> shared_cache_;  // null: nothing is shared with other relays
  relay::KeepWarm keep_warm_;
  edge::Config edge_;
  std::unique_ptr<net::Prober> prober_;
  runtime::Cancellation background_cancel_;
  runtime::TaskGroup background_;  // outlives what it runs for
  std::shared_ptr<Service> service_;
  std::vector<Listening> listening_;
  std::vector<Listening> opening_;
  Drained drained_;
  std::unique_ptr<edge::Server> server_;
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace baton::app
