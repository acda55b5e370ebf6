// Server: accepts connections on one loop and walks each through its requests: head, handler, next head.
// Life: made per loop, before run(); it must be drained and empty before it goes. Thread: its loop.
// Bounds: Config.connections_max over all servers that share `connections`; beyond it the oldest idle connection makes
// room, and if there is none the new one is refused.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "edge/exchange.h"
#include "metrics/relay_metrics.h"

namespace baton::edge {

class Connection;

class Server {
 public:
  struct Parts {
    runtime::Loop& loop;
    const Config& config;
    Handler& handler;
    ByteBudget& request_bytes;
    std::atomic<int64_t>& connections;                // open now, over all servers
    const MemoryPressure* pressure = nullptr;         // ends keep-alive, where somebody watches
    metrics::RelayMetrics::Shard* metrics = nullptr;  // counts connections, where somebody wants to know
  };
  explicit Server(const Parts& parts);
  ~Server();

  // Accepts from this listener until it is closed. Call once per listener.
  void listen(std::unique_ptr<runtime::Listener> listener);
  // Serves one connection that came another way.
  void adopt(std::unique_ptr<runtime::ByteStream> stream);
  // Stops accepting, closes what is idle; what is busy finishes its reply and then closes.
  void drain();
  // Another process accepts what comes from now on: the listeners are ended by their owner, every reply says that the
  // connection closes, and what is idle may bring one more request until it has been idle for too long. So no request
  // meets a connection that was just closed.
  void leave();
  // Ends what is still there: every call is cancelled.
  void cut();
  size_t busy() const;
  size_t open() const { return tasks_.size() - accepting_; }
  // Nothing runs any more, listeners included.
  bool settled() const { return tasks_.size() == 0; }
  // Notified when the last connection has ended after a drain.
  runtime::Slot& empty() { return tasks_.empty; }
  bool draining() const { return draining_; }

 private:
  friend class Connection;
  runtime::Task<void> accept_from(runtime::Listener& listener);
  runtime::Task<void> serve(std::unique_ptr<runtime::ByteStream> stream);
  bool make_room();

  Parts parts_;
  runtime::TaskGroup tasks_;
  size_t accepting_ = 0;
  bool draining_ = false;
  bool leaving_ = false;  // draining, and idle connections stay
  std::vector<std::unique_ptr<runtime::Listener>> listeners_;
  Connection* first_ = nullptr;
};

}  // namespace baton::edge
