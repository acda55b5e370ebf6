// Flights: which questions are under way, so that the same one of the same tenant waits for the answer instead of being
// asked twice. Found like a kept reply: looked up by the digest's key, confirmed by its SHA-256, in which the tenant's
// name is. Streamed and unstreamed calls are flights of their own. Life: one for all loops, made by the app; outlives
// every Flight. Thread: any. Bounds: kFlightsMax at once, Config.flight_bytes_max each, Config.flights_bytes_max
// together; beyond the first a call goes alone, beyond the last what has been read is not held for those who come late.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "reuse/config.h"
#include "reuse/digest.h"
#include "reuse/flight.h"

namespace baton::reuse {

class Flights {
 public:
  Flights(const Config& config, ByteBudget& reply_bytes);
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  enum class Role : uint8_t { kAlone, kMaker, kReader };
  struct Place {
    Role role = Role::kAlone;
    std::shared_ptr<Flight> flight = {};  // boarded, unless alone
  };
  struct Ask {
    bool stream = false;
    bool may_read = true;  // an answer that was asked for by someone else will do
  };
  Place join(const Digest& digest, const Ask& ask);
  // The flight has come to its end, or can have no more readers.
  void remove(const Digest& digest, bool stream, const Flight& flight);
  // A flight that is not found by its question; boarded by its maker.
  std::shared_ptr<Flight> unlisted();

  bool enabled() const { return coalesce_; }
  size_t size() const;
  const ByteBudget& bytes() const { return bytes_; }

 private:
  struct Entry {
    Sha256 identity{};
    std::shared_ptr<Flight> flight;
  };
  struct KeyHash {
    size_t operator()(const cache::Key& key) const { return static_cast<size_t>(key.low); }
  };
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    std::unordered_map<cache::Key, Entry, KeyHash> flights;
  };
  static constexpr size_t kStripes = 16;
  static cache::Key key_of(const Digest& digest, bool stream);
  Stripe& of(const cache::Key& key) { return stripes_[key.high >> 40 & (kStripes - 1)]; }

  const bool coalesce_;
  const FlightLimits limits_;
  ByteBudget bytes_;
  ByteBudget& reply_bytes_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace baton::reuse
