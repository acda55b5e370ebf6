#include "app/shared_cache.h"

#include <utility>

#include "config/redis_url.h"
#include "net/dialer.h"

namespace baton::app {

namespace {

constexpr Duration kConnectMax = std::chrono::milliseconds(500);

}  // namespace

SharedCache::SharedCache(const config::Settings& settings, std::function<void(const reuse::Selection&)> purge)
    : config_(settings.shared_cache),
      cache_(settings.cache),
      codec_(settings.shared_cache.secret.reveal()),
      purge_(std::move(purge)) {}

Expected<std::unique_ptr<SharedCache>> SharedCache::make(const config::Settings& settings,
                                                         std::function<void(const reuse::Selection&)> purge) {
  const reuse::SharedConfig& config = settings.shared_cache;
  auto place = config::parse_redis_url(config.url.reveal());
  if (!place) return fail(ErrorCode::kConfig, Fault::kUs, "cache.redis: " + place.error());
  std::unique_ptr<SharedCache> out(new SharedCache(settings, std::move(purge)));
  out->target_ = {.host = place->host, .port = place->port, .tls = place->tls};
  out->link_options_ = {.user = std::move(place->user),
                        .password = std::move(place->password),
                        .database = place->database,
                        .reply_bytes_max = settings.cache.entry_bytes_max + 2 * reuse::SharedCodec::kOverheadBytes};
  if (place->tls) {
    auto tls = net::TlsClientContext::make({.ca_file = config.ca_file, .alpn = {}});
    if (!tls) return std::unexpected(tls.error());
    out->tls_ = std::move(*tls);
  }
  out->thread_ = std::thread([one = out.get()] { one->run(); });
  return out;
}

SharedCache::~SharedCache() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  there_is_work_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void SharedCache::carry_out(std::vector<reuse::Chosen> purges) {
  {
    std::lock_guard lock(mutex_);
    for (reuse::Chosen& one : purges) jobs_.push_back(std::move(one));
    if (jobs_.size() > reuse::kPurgesWaiting) jobs_.assign(1, reuse::Chosen({.all = true}));
  }
  there_is_work_.notify_one();
}

std::string SharedCache::trouble() const {
  if (counts_.connections > 0) return {};
  return "cache.redis: no connection works; replies are shared with no other relay";
}

void SharedCache::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    there_is_work_.wait(lock, [&] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    const reuse::Chosen what = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    purge_(what.selection());
    lock.lock();
  }
}

SharedCacheLoop::SharedCacheLoop(SharedCache& cache, const Parts& parts)
    : dialer_(net::make_tcp_dialer(parts.loop, parts.poller, parts.resolver,
                                   {.target = cache.target_,
                                    .connect_timeout = kConnectMax,
                                    .tls_handshake_timeout = kConnectMax,
                                    .tls = cache.tls_.get(),
                                    .allow_private = true})),
      link_({.loop = parts.loop, .dialer = *dialer_, .random = parts.random, .counts = cache.counts_},
            cache.link_options_),
      replies_({.loop = parts.loop,
                .random = parts.random,
                .link = link_,
                .codec = cache.codec_,
                .purges = cache.purges_,
                .config = cache.config_,
                .content_bytes_max = parts.content_bytes_max,
                .life_max = cache.cache_.ttl + cache.cache_.stale_max + std::chrono::minutes(15),
                .counts = cache.counts_,
                .carry_out = [&cache](std::vector<reuse::Chosen> purges) { cache.carry_out(std::move(purges)); },
                .tells_purges = parts.tells_purges}) {}

void SharedCacheLoop::begin(runtime::TaskGroup& background) {
  background.spawn(link_.run());
  background.spawn(replies_.run());
}

void SharedCacheLoop::end() {
  replies_.stop();
  link_.stop();
}

}  // namespace baton::app
