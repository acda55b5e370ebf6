#include "reuse/flights.h"

#include <algorithm>

namespace baton::reuse {

namespace {
constexpr size_t kAheadMax = 256 * kKiB;
}

Flights::Flights(const Config& config, ByteBudget& reply_bytes)
    : coalesce_(config.coalesce),
      limits_{.bytes_max = config.flight_bytes_max, .ahead_max = std::min(kAheadMax, config.flight_bytes_max / 2)},
      bytes_(config.flights_bytes_max),
      reply_bytes_(reply_bytes) {}

// Nothing in a question says whether it is to be streamed.
cache::Key Flights::key_of(const Digest& digest, bool stream) {
  cache::Key key = digest.key;
  key.low ^= stream ? 1 : 0;
  return key;
}

Flights::Place Flights::join(const Digest& digest, const Ask& ask) {
  const cache::Key key = key_of(digest, ask.stream);
  Stripe& stripe = of(key);
  std::lock_guard lock(stripe.mutex);
  if (auto found = stripe.flights.find(key); found != stripe.flights.end()) {
    if (found->second.identity != digest.identity) return {};
    if (ask.may_read && found->second.flight->board()) return {Role::kReader, found->second.flight};
    stripe.flights.erase(found);
  }
  if (stripe.flights.size() >= kFlightsMax / kStripes) return {};
  auto flight = std::make_shared<Flight>(limits_, FlightBudgets{bytes_, reply_bytes_});
  flight->board();
  stripe.flights.emplace(key, Entry{digest.identity, flight});
  return {Role::kMaker, std::move(flight)};
}

void Flights::remove(const Digest& digest, bool stream, const Flight& flight) {
  const cache::Key key = key_of(digest, stream);
  Stripe& stripe = of(key);
  std::lock_guard lock(stripe.mutex);
  auto found = stripe.flights.find(key);
  if (found != stripe.flights.end() && found->second.flight.get() == &flight) stripe.flights.erase(found);
}

size_t Flights::size() const {
  size_t sum = 0;
  for (const Stripe& stripe : stripes_) {
    std::lock_guard lock(stripe.mutex);
    sum += stripe.flights.size();
  }
  return sum;
}

std::shared_ptr<Flight> Flights::unlisted() {
  auto flight = std::make_shared<Flight>(limits_, FlightBudgets{bytes_, reply_bytes_});
  flight->board();
  return flight;
}

}  // namespace baton::reuse
