// SharedCache: what relays share of their replies through Redis, as this process has it: the secret and what follows
// from it, purges, counts, and a thread that carries out what other relays have purged, since that looks at every reply
// and waits for the disk. SharedCacheLoop: one loop's connection.
// Life: SharedCache as Shared; SharedCacheLoop as its Worker: begin() once, end() on the loop, then it has to be
// settled(). Thread: SharedCache any, SharedCacheLoop its loop's. Bounds: purges that wait for the thread at most
// reuse::kPurgesWaiting; more become one that takes all.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/settings.h"
#include "metrics/relay_metrics.h"
#include "net/epoll_poller.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "reuse/shared_codec.h"
#include "reuse/shared_purges.h"
#include "reuse/shared_replies.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "store/redis_link.h"

namespace baton::app {

class SharedCache {
 public:
  // `purge` is called on the thread. kConfig: a CA file cannot be read.
  static Expected<std::unique_ptr<SharedCache>> make(const config::Settings& settings,
                                                     std::function<void(const reuse::Selection&)> purge);
  ~SharedCache();
  SharedCache(const SharedCache&) = delete;
  SharedCache& operator=(const SharedCache&) = delete;

  const reuse::SharedCodec& codec() const { return codec_; }
  reuse::SharedPurges& purges() { return purges_; }
  metrics::RedisCounts& counts() { return counts_; }
  void carry_out(std::vector<reuse::Chosen> purges);
  // What keeps relays from sharing, one line; empty when all is well.
  std::string trouble() const;

 private:
  friend class SharedCacheLoop;
  SharedCache(const config::Settings& settings, std::function<void(const reuse::Selection&)> purge);
  void run();

  const reuse::SharedConfig& config_;
  const reuse::Config& cache_;
  reuse::SharedCodec codec_;
  reuse::SharedPurges purges_;
  metrics::RedisCounts counts_;
  std::unique_ptr<net::TlsClientContext> tls_;  // null: in the clear
  runtime::DialTarget target_;
  store::RedisLink::Options link_options_;
  std::function<void(const reuse::Selection&)> purge_;
  std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::deque<reuse::Chosen> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

class SharedCacheLoop {
 public:
  struct Parts {
    runtime::Loop& loop;
    net::EpollPoller& poller;
    net::Resolver& resolver;
    runtime::Random& random;
    size_t content_bytes_max;
    bool tells_purges;  // one loop does
  };
  SharedCacheLoop(SharedCache& cache, const Parts& parts);
  void begin(runtime::TaskGroup& background);
  void end();
  reuse::SharedReplies& replies() { return replies_; }

 private:
  std::unique_ptr<runtime::Dialer> dialer_;
  store::RedisLink link_;
  reuse::SharedReplies replies_;
};

}  // namespace baton::app
