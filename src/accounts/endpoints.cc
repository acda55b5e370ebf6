#include "accounts/endpoints.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace baton::accounts {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// SplitMix64's last step.
uint64_t mix(uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

constexpr EndpointMask bit(EndpointIndex index) { return EndpointMask{1} << index; }

}  // namespace

EndpointChooser::EndpointChooser(const Config& config)
    : config_(config), adaptive_(config.concurrency.adaptive), sites_(config.accounts.size()) {
  for (size_t account = 0; account < sites_.size(); ++account) {
    const AccountConfig& from = config.accounts[account];
    Site& site = sites_[account];
    site.count = static_cast<uint32_t>(1 + from.endpoints.size());
    BATON_CHECK(site.count <= kEndpointsMax);
    several_ = several_ || site.count > 1;
    site.endpoints = std::make_unique<Endpoint[]>(site.count);
    for (EndpointIndex i = 0; i < site.count; ++i) {
      Endpoint& one = site.endpoints[i];
      one.url = i == 0 ? std::string_view(from.base_url) : std::string_view(from.endpoints[i - 1].url);
      if (i > 0) one.name = from.endpoints[i - 1].name;
      if (!adaptive_ || from.passthrough) continue;
      one.concurrency.emplace(config.concurrency, mix(account << 8 | i));
      one.limit.store(one.concurrency->limit(), kRelaxed);
    }
  }
}

EndpointChooser::~EndpointChooser() = default;

bool EndpointChooser::all_taken(AccountIndex account, Instant now) const {
  const Site& site = sites_[account];
  bool any_fit = false;
  bool room = false;
  for (EndpointIndex i = 0; i < site.count; ++i) {
    const Endpoint& one = site.endpoints[i];
    const bool free = one.in_flight.load(kRelaxed) < one.limit.load(kRelaxed);
    if (fit(one, now)) {
      any_fit = true;
      if (free) return false;
    }
    room = room || free;
  }
  return any_fit || !room;
}

bool EndpointChooser::has_other(AccountIndex account, EndpointMask tried, Instant now) const {
  const Site& site = sites_[account];
  for (EndpointIndex i = 0; i < site.count; ++i) {
    if ((tried & bit(i)) == 0 && fit(site.endpoints[i], now)) return true;
  }
  return false;
}

// Whether a call should see how it stands: nobody was answered there yet, or not for a while, or not since it was
// ejected. One call at a time.
bool EndpointChooser::take_try(Site& site, Endpoint& one, Instant newest, uint32_t turn, Instant now) {
  Instant at = one.try_at.load(kRelaxed);
  if (at > now || one.awaiting.load(kRelaxed) > 0) return false;
  if (one.first_byte.known() && !one.open.load(kRelaxed)) {
    const Duration unheard = newest - one.first_byte.sampled_at();
    if (unheard < kStale) return false;
    if (turn - one.tried_turn.load(kRelaxed) < (unheard < kRareTry ? kCallsPerTry : kCallsPerRareTry)) return false;
    // Where the network alone takes longer than others take in all, there is nothing to see.
    for (EndpointIndex i = 0; i < site.count; ++i) {
      const Endpoint& other = site.endpoints[i];
      if (&other == &one || !other.first_byte.known() || !fit(other, now)) continue;
      if (other.first_byte.expected({}) < one.first_byte.network()) return false;
    }
  }
  if (!one.try_at.compare_exchange_strong(at, now + kStale, kRelaxed)) return false;
  one.tried_turn.store(turn, kRelaxed);
  return true;
}

EndpointIndex EndpointChooser::choose(Site& site, EndpointMask tried, uint64_t conversation, Instant now) {
  struct Candidate {
    EndpointIndex index;
    uint64_t draw;
  };
  std::array<Candidate, kEndpointsMax> candidates;
  size_t count = 0;
  const uint32_t turn = site.turn.fetch_add(1, kRelaxed);
  Duration server_prior{0};
  EndpointMask heard = 0;
  Duration network_prior{0};
  double awaiting = 0;
  Instant newest{};
  for (EndpointIndex i = 0; i < site.count; ++i) {
    const Endpoint& one = site.endpoints[i];
    awaiting += static_cast<double>(one.awaiting.load(kRelaxed));
    network_prior = std::max(network_prior, one.first_byte.network());
    if (!one.first_byte.known()) continue;
    server_prior = newest.ns == 0 ? one.first_byte.server() : std::min(server_prior, one.first_byte.server());
    newest = std::max(newest, one.first_byte.sampled_at());
  }
  for (EndpointIndex i = 0; i < site.count; ++i) {
    const Endpoint& one = site.endpoints[i];
    const bool known = one.first_byte.known() && !one.open.load(kRelaxed);
    if (known && fit(one, now) && (tried & bit(i)) == 0) heard |= bit(i);
  }
  // Each pass asks for less, so that a call always finds an endpoint.
  for (int pass = 0; pass < 4 && count == 0; ++pass) {
    for (EndpointIndex i = 0; i < site.count; ++i) {
      Endpoint& one = site.endpoints[i];
      if (pass < 3 && (tried & bit(i)) != 0) continue;
      if (pass < 2 && !fit(one, now)) continue;
      if (pass < 1 && one.in_flight.load(kRelaxed) >= one.limit.load(kRelaxed)) continue;
      if (pass < 1 && heard != 0) {
        if (take_try(site, one, newest, turn, now)) return i;
        if ((heard & bit(i)) == 0) continue;
      }
      const uint64_t seed = conversation != 0 ? conversation : turn;
      candidates[count++] = {i, mix(mix(seed) ^ hash64(one.url))};
    }
  }
  if (count == 1) return candidates[0].index;
  const auto by_draw = [](const Candidate& a, const Candidate& b) { return a.draw < b.draw; };
  std::partial_sort(candidates.begin(), candidates.begin() + 2, candidates.begin() + static_cast<std::ptrdiff_t>(count),
                    by_draw);
  const auto cost = [&](const Candidate& candidate) {
    const Endpoint& one = site.endpoints[candidate.index];
    const double load = static_cast<double>(one.awaiting.load(kRelaxed)) * static_cast<double>(site.count);
    const double expected = seconds(one.first_byte.expected(server_prior, network_prior));
    return (expected + 1e-6) * (1 + load / std::max(awaiting, kLoadLeast));
  };
  // A conversation stays where its prompt is remembered unless that is clearly slower.
  const double loyalty = conversation != 0 ? kLoyalty : 1;
  return cost(candidates[0]) <= loyalty * cost(candidates[1]) ? candidates[0].index : candidates[1].index;
}

EndpointChooser::Place EndpointChooser::enter(AccountIndex account, EndpointMask tried, uint64_t conversation,
                                              Instant now) {
  Site& site = sites_[account];
  Place place;
  if (site.count > 1) place.endpoint = choose(site, tried, conversation, now);
  Endpoint& one = site.endpoints[place.endpoint];
  place.in_flight = static_cast<uint32_t>(one.in_flight.fetch_add(1, kRelaxed) + 1);
  place.sent = now;
  place.awaits = site.count > 1;
  if (place.awaits) one.awaiting.fetch_add(1, kRelaxed);
  return place;
}

void EndpointChooser::leave(AccountIndex account, Place& place) {
  Endpoint& one = sites_[account].endpoints[place.endpoint];
  one.in_flight.fetch_sub(1, kRelaxed);
  if (std::exchange(place.awaits, false)) one.awaiting.fetch_sub(1, kRelaxed);
}

void EndpointChooser::first_byte(AccountIndex account, Place& place, Duration took, bool voided, Instant now) {
  Site& site = sites_[account];
  Endpoint& one = site.endpoints[place.endpoint];
  if (std::exchange(place.awaits, false)) one.awaiting.fetch_sub(1, kRelaxed);
  if (voided) return;
  one.first_byte.sample(took, now);
  if (site.count > 1) one.tried_turn.store(site.turn.load(kRelaxed), kRelaxed);
  if (!one.concurrency) return;
  std::lock_guard lock(one.mutex);
  one.concurrency->sample({.first_byte = took, .sent = place.sent, .in_flight = place.in_flight}, now);
  one.limit.store(one.concurrency->limit(), kRelaxed);
}

void EndpointChooser::served(AccountIndex account, const Place& place, Instant now) {
  Site& site = sites_[account];
  Endpoint& one = site.endpoints[place.endpoint];
  if (!one.failing.load(kRelaxed)) return;
  std::lock_guard lock(one.mutex);
  one.health.succeeded(config_.health, now);
  one.unfit_until.store({}, kRelaxed);
  one.open.store(false, kRelaxed);
  one.failing.store(one.health.ejections() > 0, kRelaxed);
}

bool EndpointChooser::failed(AccountIndex account, const Place& place, Instant now) {
  Site& site = sites_[account];
  if (site.count < 2) return false;
  Endpoint& one = site.endpoints[place.endpoint];
  const bool others = has_other(account, bit(place.endpoint), now);
  std::lock_guard lock(one.mutex);
  one.failing.store(true, kRelaxed);
  if (one.health.ejected(now)) return others;
  const bool ripe = one.health.failed(config_.health);
  // The last one that is fit goes on being asked: then it is the account's health that counts.
  if (!others) return false;
  if (ripe) {
    one.health.eject(config_.health, now);
    one.unfit_until.store(one.health.until(), kRelaxed);
    one.try_at.store(one.health.until(), kRelaxed);
    one.open.store(true, kRelaxed);
  }
  return true;
}

bool EndpointChooser::overloaded(AccountIndex account, const Place& place, Duration pause, Instant now) {
  if (!has_other(account, bit(place.endpoint), now)) return false;
  Endpoint& one = sites_[account].endpoints[place.endpoint];
  if (one.unfit_until.load(kRelaxed) < now + pause) one.unfit_until.store(now + pause, kRelaxed);
  return true;
}

void EndpointChooser::probed(AccountIndex account, EndpointIndex endpoint, Duration round_trip) {
  BATON_CHECK(endpoint < sites_[account].count);
  sites_[account].endpoints[endpoint].first_byte.probed(round_trip);
}

std::vector<EndpointState> EndpointChooser::states(AccountIndex account, Instant now) const {
  const Site& site = sites_[account];
  std::vector<EndpointState> out;
  for (EndpointIndex i = 0; i < site.count; ++i) {
    const Endpoint& one = site.endpoints[i];
    EndpointState& shown = out.emplace_back();
    shown.name = one.name;
    shown.url = one.url;
    if (one.first_byte.network().count() > 0) shown.connect = one.first_byte.network();
    if (one.first_byte.known()) shown.first_byte = one.first_byte.expected({});
    shown.in_flight = one.in_flight.load(kRelaxed);
    if (one.concurrency) shown.concurrency_limit = one.limit.load(kRelaxed);
    if (!fit(one, now)) shown.ejected_until = one.unfit_until.load(kRelaxed);
  }
  return out;
}

void EndpointChooser::follow(AccountIndex account, const EndpointChooser& before, AccountIndex from) {
  Site& site = sites_[account];
  const Site& old = before.sites_[from];
  for (EndpointIndex i = 0; i < site.count; ++i) {
    for (EndpointIndex j = 0; j < old.count; ++j) {
      if (site.endpoints[i].url == old.endpoints[j].url)
        site.endpoints[i].first_byte.follow(old.endpoints[j].first_byte);
    }
  }
}

}  // namespace baton::accounts
