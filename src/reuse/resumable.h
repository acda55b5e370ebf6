// Resumable streams: a reply that a client may come back to after it was dropped. The token in its address is the
// right to read it: 128 random bits, good while the stream is known; looked up by its SHA-256 and compared in constant
// time. A stream is known while it has a reader, and `grace` longer. Life: Resumables one for all loops, made by the
// app; a ResumableList per loop, which lets go of what has been left. Thread: Resumables any; a list its loop's.
// Bounds: ResumeConfig.streams_max; a place (8 bytes) per event that is held.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "base/units.h"
#include "metrics/relay_metrics.h"
#include "reuse/config.h"
#include "reuse/flight.h"

namespace baton::reuse {

class Resumable {
 public:
  Resumable(std::shared_ptr<Flight> flight, std::string tenant, std::string token)
      : flight_(std::move(flight)), tenant_(std::move(tenant)), token_(std::move(token)) {}

  const std::shared_ptr<Flight>& flight() const { return flight_; }
  const std::string& tenant() const { return tenant_; }
  const std::string& token() const { return token_; }

  // Event `id`, the next after the one noted last, begins at this byte.
  void note(uint64_t id, uint64_t at);
  // Where the event behind `last` begins, or the end of what has come when it is the newest; nothing when `last` is not
  // of this stream, or what follows it is not held any more.
  std::optional<uint64_t> behind(uint64_t last) const;

 private:
  const std::shared_ptr<Flight> flight_;
  const std::string tenant_;
  const std::string token_;
  mutable std::mutex mutex_;
  uint64_t first_ = 1;  // the id of places_.front()
  std::deque<uint64_t> places_;
};

class Resumables {
 public:
  explicit Resumables(const ResumeConfig& config) : config_(config) {}
  Resumables(const Resumables&) = delete;
  Resumables& operator=(const Resumables&) = delete;

  // Null: there are too many, or none are wanted.
  std::shared_ptr<Resumable> make(std::shared_ptr<Flight> flight, std::string_view tenant);
  // Null: there is no such stream, or none any more.
  std::shared_ptr<Resumable> find(std::string_view token) const;
  void remove(const Resumable& stream);
  size_t size() const;
  const ResumeConfig& config() const { return config_; }

 private:
  static uint64_t place_of(std::string_view token);

  const ResumeConfig config_;
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, std::shared_ptr<Resumable>> streams_;
};

// Watches the streams that were made on one loop.
class ResumableList {
 public:
  ResumableList(runtime::Loop& loop, Resumables& all, metrics::RelayMetrics::Shard& metrics);
  ~ResumableList();
  ResumableList(const ResumableList&) = delete;
  ResumableList& operator=(const ResumableList&) = delete;

  void watch(std::shared_ptr<Resumable> stream);

 private:
  struct Watched {
    std::shared_ptr<Resumable> stream;
    std::unique_ptr<FlightHold> hold;
    metrics::Held counted;
    std::optional<Instant> left = {};  // without a reader since
  };
  struct Tick : runtime::Waiter {
    ResumableList* list = nullptr;
  };
  void sweep();
  void arm();

  runtime::Loop& loop_;
  Resumables& all_;
  metrics::RelayMetrics::Shard& metrics_;
  std::vector<Watched> watched_;
  runtime::Timer timer_;
  Tick tick_;
};

}  // namespace baton::reuse
