#include "reuse/resumable.h"

#include <algorithm>
#include <cstring>

#include "runtime/wait.h"

namespace baton::reuse {

namespace {
constexpr Duration kSweepEvery = std::chrono::milliseconds(500);
}

void Resumable::note(uint64_t id, uint64_t at) {
  const uint64_t base = flight_->base();
  std::lock_guard lock(mutex_);
  while (!places_.empty() && places_.front() < base) {
    places_.pop_front();
    ++first_;
  }
  if (places_.empty()) first_ = id;
  places_.push_back(at);
}

std::optional<uint64_t> Resumable::behind(uint64_t last) const {
  std::lock_guard lock(mutex_);
  const uint64_t next = last + 1;
  if (next < first_) return std::nullopt;
  const uint64_t index = next - first_;
  if (index < places_.size()) return places_[static_cast<size_t>(index)];
  return index == places_.size() ? std::optional(flight_->end()) : std::nullopt;
}

uint64_t Resumables::place_of(std::string_view token) {
  const Sha256 digest = sha256(token);
  uint64_t place = 0;
  std::memcpy(&place, digest.data(), sizeof place);
  return place;
}

std::shared_ptr<Resumable> Resumables::make(std::shared_ptr<Flight> flight, std::string_view tenant) {
  if (config_.grace.count() == 0) return nullptr;
  std::array<uint8_t, 16> bits;
  random_bytes(bits);
  auto stream = std::make_shared<Resumable>(std::move(flight), std::string(tenant), hex(bits));
  std::lock_guard lock(mutex_);
  if (streams_.size() >= config_.streams_max) return nullptr;
  return streams_.emplace(place_of(stream->token()), stream).second ? stream : nullptr;
}

std::shared_ptr<Resumable> Resumables::find(std::string_view token) const {
  const uint64_t place = place_of(token);
  std::lock_guard lock(mutex_);
  const auto found = streams_.find(place);
  if (found == streams_.end() || !equal_constant_time(found->second->token(), token)) return nullptr;
  return found->second;
}

void Resumables::remove(const Resumable& stream) {
  const uint64_t place = place_of(stream.token());
  std::lock_guard lock(mutex_);
  const auto found = streams_.find(place);
  if (found != streams_.end() && found->second.get() == &stream) streams_.erase(found);
}

size_t Resumables::size() const {
  std::lock_guard lock(mutex_);
  return streams_.size();
}

ResumableList::ResumableList(runtime::Loop& loop, Resumables& all, metrics::RelayMetrics::Shard& metrics)
    : loop_(loop), all_(all), metrics_(metrics) {
  tick_.loop = &loop;
  tick_.list = this;
  tick_.run = [](runtime::Wake& wake) { static_cast<Tick&>(wake).list->sweep(); };
}

ResumableList::~ResumableList() {
  timer_.disarm();
  loop_.forget(tick_);
  for (Watched& one : watched_) all_.remove(*one.stream);
}

void ResumableList::arm() {
  timer_.slot.stand(tick_, runtime::kTimedOut);
  loop_.timers().arm(timer_, loop_.now() + kSweepEvery);
}

void ResumableList::watch(std::shared_ptr<Resumable> stream) {
  auto hold = std::make_unique<FlightHold>(stream->flight(), loop_);
  watched_.push_back({.stream = std::move(stream), .hold = std::move(hold), .counted = metrics_.resumable_stream()});
  if (!timer_.armed()) arm();
}

void ResumableList::sweep() {
  const Instant now = loop_.now();
  std::erase_if(watched_, [&](Watched& one) {
    if (one.stream->flight()->seats() > 0) {
      one.left.reset();
      return false;
    }
    if (!one.left) one.left = now;
    if (now - *one.left < all_.config().grace && one.stream->flight()->phase() != Flight::Phase::kFailed) return false;
    all_.remove(*one.stream);
    return true;
  });
  if (!watched_.empty()) arm();
}

}  // namespace baton::reuse
