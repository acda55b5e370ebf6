// LiveFeed: what happens, as it happens, for who looks: the overview once a second, and calls as they close. Nothing of
// it costs anything while nobody looks.
// Life: made in app/ before the loops, ended after them. Thread: offer() any; serve() the operator's loop.
// Bounds: kListenersMax listeners, kLiveCallsPerSecond calls, kRecentMax of them kept for listeners that are behind;
// what a listener misses is counted for it. A listener that reads nothing is held by its connection, not by memory.
// Source: WHATWG HTML 9.2 (server-sent events).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "admin/access.h"
#include "admin/overview.h"
#include "edge/exchange.h"
#include "model/outcome.h"

namespace baton::admin {

class LiveFeed {
 public:
  static constexpr size_t kRecentMax = 64;
  static constexpr Duration kTurn = std::chrono::milliseconds(200);

  // A call has closed.
  void offer(const model::Outcome& outcome, Instant now);
  // Whether another listener may come.
  bool has_room() const { return listeners_.load(std::memory_order_relaxed) < kListenersMax; }
  // Until the listener goes or the server ends. Call only where has_room().
  runtime::Task<void> serve(edge::Exchange& exchange, const Overview& overview);

  // What a listener that has seen everything before `seen` gets now; moves `seen` on.
  std::string news(uint64_t& seen);
  // Where a new listener begins.
  uint64_t now_at();

  // Counts a listener for as long as it lives.
  class Listening {
   public:
    explicit Listening(LiveFeed& feed) : feed_(feed) { ++feed_.listeners_; }
    ~Listening() { --feed_.listeners_; }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

   private:
    LiveFeed& feed_;
  };

 private:
  std::atomic<size_t> listeners_{0};
  std::mutex mutex_;
  Bucket calls_;
  uint64_t offered_ = 0;  // those that were left out too
  struct Recent {
    uint64_t number;
    std::string json;
  };
  std::deque<Recent> recent_;
};

}  // namespace baton::admin
