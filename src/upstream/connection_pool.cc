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
    : pool_(&pool), stream_(std::move(stream)), idle_max_(pool.config_.idle_timeout) {
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
  if (in_use_) {
    --pool_->active_;
    pool_->demand_changed();
  }
  if (warm_ && requests_ == 0) {
    --pool_->warm_idle_;
    pool_->metrics_.preconnect(metrics::RelayMetrics::Shard::Preconnect::kWasted);
  }
  stream_->close(/*reset=*/in_use_);
}

void Connection::keep_idle_for(Duration stated) {
  idle_max_ = std::clamp(stated - std::chrono::seconds(1), Duration{0}, pool_->config_.idle_timeout);
}

ConnectionPool::ConnectionPool(runtime::Loop& loop, runtime::Dialer& dialer, const Config& config,
                               metrics::RelayMetrics::Shard& metrics, Warming warming)
    : loop_(loop), dialer_(dialer), config_(config), metrics_(metrics), warming_(warming) {
  if (config.warm_connections_max == 0) warming_.tasks = nullptr;
  sweep_.loop = &loop;
  sweep_.pool = this;
  sweep_.run = [](runtime::Wake& wake) { static_cast<Sweep&>(wake).pool->sweep(); };
  sweep_timer_.slot.stand(sweep_, runtime::kTimedOut);
  warm_wake_.pool = this;
  warm_wake_.run = [](runtime::Wake& wake) { static_cast<WarmWake&>(wake).pool->start_warming(); };
}

ConnectionPool::~ConnectionPool() {
  idle_.clear();
  BATON_CHECK(active_ == 0 && !warming_now_);
  sweep_timer_.disarm();
  loop_.forget(sweep_);
  loop_.forget(warm_wake_);
}

bool ConnectionPool::expired(const Connection& idle) const { return loop_.now() - idle.idle_since_ >= idle.idle_max_; }

std::unique_ptr<Connection> ConnectionPool::take_idle() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    connection->stream_->readable.leave(connection->watch_);
    connection->stream_->hangup.leave(connection->watch_);
    loop_.forget(connection->watch_);
    // What woke the watch in this very turn must not be lost: such a connection is not used.
    if (!expired(*connection) && quiet(*connection->stream_)) return connection;
  }
  return nullptr;
}

Task<Expected<std::unique_ptr<Connection>>> ConnectionPool::acquire(runtime::Cancellation& cancel, bool fresh) {
  if (auto connection = fresh ? nullptr : take_idle()) {
    if (connection->warm_ && connection->requests_ == 0) {
      --warm_idle_;
      warm_failures_ = 0;
      connection->idle_max_ = config_.idle_timeout;
      metrics_.preconnect(metrics::RelayMetrics::Shard::Preconnect::kUsed);
    }
    connection->in_use_ = true;
    connection->counted_ = metrics_.upstream_connection_active();
    ++connection->requests_;
    demand_.taken(++active_, /*missed=*/false, loop_.now());
    demand_changed();
    co_return connection;
  }
  if (active_ >= config_.connections_per_endpoint_max)
    co_return fail(ErrorCode::kOverloaded, Fault::kUs, "Too many connections to this upstream are open.",
                   Retry::kOtherAccount);
  demand_.taken(active_ + 1, /*missed=*/!fresh, loop_.now());
  demand_changed();
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

bool ConnectionPool::wants_warm() const {
  if (warm_cancel_.cancelled() || warm_idle_ >= config_.warm_connections_max || loop_.now() < warm_after_) return false;
  const size_t open = active_ + idle_.size();
  return idle_.size() < config_.idle_per_endpoint_max && open < config_.connections_per_endpoint_max &&
         open < demand_.wanted(active_, loop_.now());
}

void ConnectionPool::start_warming() {
  if (warming_now_ || !wants_warm()) return;
  auto life = warming_.life != nullptr ? warming_.life->lock() : nullptr;
  if (warming_.life != nullptr && !life) return;
  warming_now_ = true;
  warming_.tasks->spawn(warm_up(*this, std::move(life)));
}

// `life` goes last: the pool may go with it.
Task<void> ConnectionPool::warm_up(ConnectionPool& pool, [[maybe_unused]] std::shared_ptr<const void> life) {
  while (pool.wants_warm()) {
    auto stream = co_await pool.dialer_.dial(pool.warm_cancel_);
    if (!stream) {
      pool.metrics_.upstream_connect_failed(stream.error().code);
      pool.warm_failed();
      break;
    }
    pool.metrics_.upstream_connected();
    pool.metrics_.preconnect(metrics::RelayMetrics::Shard::Preconnect::kMade);
    auto connection = std::make_unique<Connection>(pool, std::move(*stream));
    connection->warm_ = true;
    connection->idle_max_ = std::min(kWarmIdle, pool.config_.idle_timeout);
    ++pool.warm_idle_;
    if (pool.warm_cancel_.cancelled() || !quiet(*connection->stream_)) {
      pool.warm_failed();
      break;
    }
    pool.put_idle(std::move(connection));
  }
  pool.warming_now_ = false;
}

void ConnectionPool::warm_failed() {
  const Duration pause = std::min(kWarmPauseMax, kWarmPause * (int64_t{1} << std::min(warm_failures_, 10u)));
  ++warm_failures_;
  warm_after_ = loop_.now() + pause;
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
  if (connection->idle_max_.count() <= 0) return;
  put_idle(std::move(connection));
}

// What was never used stands in front, where it is taken last.
void ConnectionPool::put_idle(std::unique_ptr<Connection> connection) {
  Connection& one = *connection;
  one.idle_since_ = loop_.now();
  one.stream_->readable.stand(one.watch_, runtime::kReadable);
  one.stream_->hangup.stand(one.watch_, runtime::kPeerGone);
  one.counted_ = metrics_.upstream_connection_idle();
  const Instant due = one.idle_since_ + one.idle_max_;
  idle_.insert(one.requests_ == 0 ? idle_.begin() : idle_.end(), std::move(connection));
  if (sweep_timer_.armed() && sweep_at_ <= due) return;
  sweep_at_ = due;
  loop_.timers().arm(sweep_timer_, due);
}

void ConnectionPool::look_at(Connection& idle) {
  if (quiet(*idle.stream_)) return;
  auto at = std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one.get() == &idle; });
  if (at == idle_.end()) return;
  if (!idle.stream_->gone()) ++unsolicited_;
  if (idle.warm_ && idle.requests_ == 0) warm_failed();
  idle_.erase(at);
  demand_changed();
}

void ConnectionPool::sweep() {
  std::erase_if(idle_, [this](const auto& one) { return expired(*one); });
  if (idle_.empty()) return;
  sweep_at_ = runtime::kNever;
  for (const auto& one : idle_) sweep_at_ = std::min(sweep_at_, one->idle_since_ + one->idle_max_);
  loop_.timers().arm(sweep_timer_, sweep_at_);
}

void ConnectionPool::close_idle() {
  warm_cancel_.cancel(runtime::CancelReason::kDrain);
  idle_.clear();
}

}  // namespace baton::upstream
