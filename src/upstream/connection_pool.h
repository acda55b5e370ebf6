// ConnectionPool: keep-alive connections to one account's endpoint, on one loop. The connection used last is used next,
// so that what a burst opened ages out. Life: made per loop and account; every Connection goes before it. Thread: its
// loop. Bounds: Config.idle_per_endpoint_max idle ones for at most Config.idle_timeout,
// Config.connections_per_endpoint_max in all. A connection on which anything arrives while it is idle is closed, and
// the bytes are given to nobody (response queue poisoning).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "metrics/relay_metrics.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "upstream/config.h"

namespace baton::upstream {

class ConnectionPool;

class Connection {
 public:
  Connection(ConnectionPool& pool, std::unique_ptr<runtime::ByteStream> stream);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // Closes; with a request under way the upstream sees a reset, so that it stops working for nobody.
  ~Connection();
  runtime::ByteStream& stream() { return *stream_; }
  bool reused() const { return requests_ > 1; }

 private:
  friend class ConnectionPool;
  struct IdleWatch : runtime::Waiter {
    Connection* connection = nullptr;
  };
  ConnectionPool* pool_;
  std::unique_ptr<runtime::ByteStream> stream_;
  uint64_t requests_ = 0;
  Instant idle_since_;
  IdleWatch watch_;
  metrics::Held counted_;
  bool in_use_ = false;
};

class ConnectionPool {
 public:
  // Borrows all for its life.
  ConnectionPool(runtime::Loop& loop, runtime::Dialer& dialer, const Config& config,
                 metrics::RelayMetrics::Shard& metrics);
  ~ConnectionPool();

  // An idle connection, or a new one; always new with `fresh`. Errors: those of Dialer::dial, kOverloaded when the
  // bound is reached.
  runtime::Task<Expected<std::unique_ptr<Connection>>> acquire(runtime::Cancellation& cancel, bool fresh);
  // Takes back a connection whose last reply was read to its end and that may be kept.
  void give_back(std::unique_ptr<Connection> connection);
  size_t active() const { return active_; }
  size_t idle() const { return idle_.size(); }
  // Idle connections that were closed because something came on them.
  uint64_t unsolicited() const { return unsolicited_; }
  void close_idle();

 private:
  friend class Connection;
  struct Sweep : runtime::Waiter {
    ConnectionPool* pool = nullptr;
  };
  runtime::Task<Expected<std::unique_ptr<runtime::ByteStream>>> dial(runtime::Cancellation& cancel);
  void look_at(Connection& idle);
  void sweep();

  runtime::Loop& loop_;
  runtime::Dialer& dialer_;
  const Config& config_;
  std::vector<std::unique_ptr<Connection>> idle_;
  metrics::RelayMetrics::Shard& metrics_;
  size_t active_ = 0;  // in use or being made
  uint64_t unsolicited_ = 0;
  runtime::Timer sweep_timer_;
  Sweep sweep_;
};

}  // namespace baton::upstream
