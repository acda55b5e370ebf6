#include "upstream/connection_pool.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "runtime/wait.h"

namespace baton::upstream {

using runtime::Task;

namespace {

// Whether nothing came: readiness is remembered until a read finds nothing, and over TLS it also comes with what is no
// content.
bool quiet(runtime::ByteStream& stream) {
  if (stream.gone()) return false;
  std::array<char, 1> byte;
  return !stream.can_read() || stream.try_read(byte).status == runtime::IoStatus::kBlocked;
}

}  // namespace

Connection::Connection(ConnectionPool& pool, std::unique_ptr<runtime::ByteStream> stream)
    : pool_(&pool), stream_(std::move(stream)) {
  watch_.loop = &pool.loop_;
  watch_.connection = this;
  watch_.run = [](runtime::Wake& wake) {
    Connection& self = *static_cast<IdleWatch&>(wake).connection;
    self.pool_->look_at(self);
  };
}

Connection::~Connection() {
  stream_->readable.leave(watch_);
  stream_->hangup.leave(watch_);
  pool_->loop_.forget(watch_);
  if (in_use_) --pool_->active_;
  stream_->close(/*reset=*/in_use_);
}

ConnectionPool::ConnectionPool(runtime::Loop& loop, runtime::Dialer& dialer, const Config& config,
                               metrics::RelayMetrics::Shard& metrics)
    : loop_(loop), dialer_(dialer), config_(config), metrics_(metrics) {
  sweep_.loop = &loop;
  sweep_.pool = this;
  sweep_.run = [](runtime::Wake& wake) { static_cast<Sweep&>(wake).pool->sweep(); };
  sweep_timer_.slot.stand(sweep_, runtime::kTimedOut);
}

ConnectionPool::~ConnectionPool() {
  idle_.clear();
  BATON_CHECK(active_ == 0);
  sweep_timer_.disarm();
  loop_.forget(sweep_);
}

Task<Expected<std::unique_ptr<Connection>>> ConnectionPool::acquire(runtime::Cancellation& cancel, bool fresh) {
  if (!fresh && !idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    connection->stream_->readable.leave(connection->watch_);
    connection->stream_->hangup.leave(connection->watch_);
    loop_.forget(connection->watch_);
    // What woke the watch in this very turn must not be lost: such a connection is not used.
    if (quiet(*connection->stream_)) {
      connection->in_use_ = true;
      connection->counted_ = metrics_.upstream_connection_active();
      ++connection->requests_;
      ++active_;
      co_return connection;
    }
  }
  if (active_ >= config_.connections_per_endpoint_max)
    co_return fail(ErrorCode::kOverloaded, Fault::kUs, "Too many connections to this upstream are open.",
                   Retry::kOtherAccount);
  auto stream = co_await dial(cancel);
  if (!stream) {
    metrics_.upstream_connect_failed(stream.error().code);
    co_return std::unexpected(stream.error());
  }
  metrics_.upstream_connected();
  auto connection = std::make_unique<Connection>(*this, std::move(*stream));
  connection->in_use_ = true;
  connection->counted_ = metrics_.upstream_connection_active();
  ++connection->requests_;
  ++active_;
  co_return connection;
}

// A connection being made counts.
Task<Expected<std::unique_ptr<runtime::ByteStream>>> ConnectionPool::dial(runtime::Cancellation& cancel) {
  struct Counted {
    size_t& count;
    explicit Counted(size_t& in) : count(in) { ++count; }
    ~Counted() { --count; }
  } counted(active_);
  co_return co_await dialer_.dial(cancel);
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
  connection->in_use_ = false;
  --active_;
  const bool worn =
      config_.requests_per_connection_max != 0 && connection->requests_ >= config_.requests_per_connection_max;
  if (worn || idle_.size() >= config_.idle_per_endpoint_max || connection->stream_->gone()) return;
  if (!quiet(*connection->stream_)) {
    ++unsolicited_;
    return;
  }
  connection->idle_since_ = loop_.now();
  connection->stream_->readable.stand(connection->watch_, runtime::kReadable);
  connection->stream_->hangup.stand(connection->watch_, runtime::kPeerGone);
  connection->counted_ = metrics_.upstream_connection_idle();
  idle_.push_back(std::move(connection));
  if (!sweep_timer_.armed()) loop_.timers().arm(sweep_timer_, loop_.now() + config_.idle_timeout);
}

void ConnectionPool::look_at(Connection& idle) {
  if (quiet(*idle.stream_)) return;
  auto at = std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one.get() == &idle; });
  if (at == idle_.end()) return;
  if (!idle.stream_->gone()) ++unsolicited_;
  idle_.erase(at);
}

void ConnectionPool::sweep() {
  // The front has been idle longest: connections are taken from and put to the back.
  size_t old = 0;
  while (old < idle_.size() && loop_.now() - idle_[old]->idle_since_ >= config_.idle_timeout) ++old;
  idle_.erase(idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(old));
  if (!idle_.empty()) loop_.timers().arm(sweep_timer_, idle_.front()->idle_since_ + config_.idle_timeout);
}

void ConnectionPool::close_idle() { idle_.clear(); }

}  // namespace baton::upstream
