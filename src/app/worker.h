// Worker: one loop on one thread, with everything that lives on it: poller, resolver, upstream connections, ledger,
// relay, server. Life: made by the app before the threads start; drained, stopped and joined by it. Thread:
// construction and the end on the app's, the rest on its own.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "app/loop_thread.h"
#include "app/shared.h"
#include "edge/server.h"
#include "net/resolver.h"
#include "relay/relay.h"
#include "runtime/loop.h"

namespace baton::app {

class Worker : public LoopThread {
 public:
  Worker(Shared& shared, size_t index);
  ~Worker();
  // Opens the listeners, on `bound_ports` where they are known already. kConfig with the address and the reason.
  Expected<void> listen(std::vector<uint16_t>& bound_ports);
  // Any thread: asks the loop to stop accepting and let calls finish; `left`, which outlives the worker, is counted
  // down when the last has ended.
  void drain(std::atomic<size_t>& left);
  void cut();
  // Cuts what is left, stops the thread and lets every coroutine return.
  void end();

 private:
  struct Watchdog;
  // Stands where the server tells that it is empty.
  struct Drained : runtime::Waiter {
    std::atomic<size_t>* left = nullptr;
  };
  Shared& shared_;
  std::unique_ptr<net::Resolver> resolver_;
  std::vector<std::unique_ptr<runtime::Dialer>> dialers_;
  std::vector<std::unique_ptr<upstream::ConnectionPool>> pools_;
  runtime::Random random_;
  std::unique_ptr<ledger::Ledger> ledger_;
  stream::TapRoom tap_room_;
  std::unique_ptr<relay::Relay> relay_;
  Drained drained_;
  std::unique_ptr<edge::Server> server_;
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace baton::app
