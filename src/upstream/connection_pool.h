// ConnectionPool: keep-alive connections to one account's endpoint, on one loop. The connection used last is used next,
// so that what a burst opened ages out. Where it may, the pool connects before calls need it, by recent Demand, one
// connection at a time; after such a one failed or was closed unused it pauses. Life: made per loop and account; every
// Connection goes before it. Thread: its loop. Bounds: Config.idle_per_endpoint_max idle ones for at most
// Config.idle_timeout, Config.connections_per_endpoint_max in all. A connection on which anything arrives while it is
// idle is closed, and the bytes are given to nobody (response queue poisoning). An upstream that names its keep-alive
// time is believed.
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
#include "upstream/demand.h"

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
  // It was made before this request, so that it may have been closed meanwhile.
  bool reused() const { return requests_ > 1 || warm_; }
  // The upstream said how long it keeps an idle connection; it is given up a second before.
  void keep_idle_for(Duration stated);

 private:
  friend class ConnectionPool;
  struct IdleWatch : runtime::Waiter {
    Connection* connection = nullptr;
  };
  ConnectionPool* pool_;
  std::unique_ptr<runtime::ByteStream> stream_;
  uint64_t requests_ = 0;
  Instant idle_since_;
  Duration idle_max_;
  IdleWatch watch_;
  metrics::Held counted_;
  bool in_use_ = false;
  bool warm_ = false;  // made in advance
};

// Where a pool connects in advance: in tasks that outlive it, each holding `life` meanwhile, so that the pool does.
struct Warming {
  runtime::TaskGroup* tasks = nullptr;  // null: never
  const std::weak_ptr<const void>* life = nullptr;
};

class ConnectionPool {
 public:
  // An unused connection is kept no longer than this: servers are impatient with those that never said anything.
  static constexpr Duration kWarmIdle = std::chrono::seconds(30);
  static constexpr Duration kWarmPause = std::chrono::seconds(1);  // after a failure; doubles
  static constexpr Duration kWarmPauseMax = std::chrono::seconds(60);

  // Borrows all for its life.
  ConnectionPool(runtime::Loop& loop, runtime::Dialer& dialer, const Config& config,
                 metrics::RelayMetrics::Shard& metrics, Warming warming = {});
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
  // Also ends connecting in advance, for good.
  void close_idle();

 private:
  friend class Connection;
  struct Sweep : runtime::Waiter {
    ConnectionPool* pool = nullptr;
  };
  struct WarmWake : runtime::Wake {
    ConnectionPool* pool = nullptr;
  };
  runtime::Task<Expected<std::unique_ptr<runtime::ByteStream>>> dial(runtime::Cancellation& cancel);
  static runtime::Task<void> warm_up(ConnectionPool& pool, std::shared_ptr<const void> life);
  std::unique_ptr<Connection> take_idle();
  void put_idle(std::unique_ptr<Connection> connection);
  // Looks, soon, whether connections are wanted.
  void demand_changed() {
    if (warming_.tasks != nullptr) loop_.enqueue(warm_wake_);
  }
  bool wants_warm() const;
  void start_warming();
  void warm_failed();
  bool expired(const Connection& idle) const;
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
  Instant sweep_at_{};
  Sweep sweep_;
  Warming warming_;
  WarmWake warm_wake_;
  Demand demand_;
  runtime::Cancellation warm_cancel_;
  bool warming_now_ = false;
  size_t warm_idle_ = 0;  // unused
  uint32_t warm_failures_ = 0;
  Instant warm_after_{};
};

}  // namespace baton::upstream
