#include "reuse/flight.h"

#include <algorithm>
#include <utility>

namespace baton::reuse {

namespace {
// Small pieces (an event each) share a chunk.
constexpr size_t kChunkBytes = 4 * kKiB;
constexpr size_t kLaterChunkBytes = 16 * kKiB;
constexpr size_t kChunkOverhead = 128;
}  // namespace

Flight::~Flight() {
  while (!chunks_.empty()) drop_first();
}

bool Flight::board() {
  std::lock_guard lock(mutex_);
  const bool joinable = phase_ == Phase::kOpening || phase_ == Phase::kVacant || phase_ == Phase::kFlowing;
  if (!joinable || base_ > 0) return false;
  ++seats_;
  return true;
}

bool Flight::rejoin(uint64_t from) {
  std::lock_guard lock(mutex_);
  if ((phase_ != Phase::kFlowing && phase_ != Phase::kEnded) || from < base_ || from > end_) return false;
  ++seats_;
  return true;
}

uint64_t Flight::base() const {
  std::lock_guard lock(mutex_);
  return base_;
}

uint64_t Flight::end() const {
  std::lock_guard lock(mutex_);
  return end_;
}

size_t Flight::seats() const {
  std::lock_guard lock(mutex_);
  return seats_;
}

Flight::Phase Flight::phase() const {
  std::lock_guard lock(mutex_);
  return phase_;
}

size_t Flight::held_bytes() const {
  std::lock_guard lock(mutex_);
  return held_;
}

Flight::Side& Flight::side_of(runtime::Loop& loop) {
  for (auto& side : sides_) {
    if (side->loop == &loop) return *side;
  }
  sides_.push_back(std::make_unique<Side>());
  sides_.back()->loop = &loop;
  return *sides_.back();
}

void Flight::listen(Side& side, Listener& listener) {
  ++side.listeners;
  listener.next = side.first;
  if (side.first != nullptr) side.first->previous = &listener;
  side.first = &listener;
}

void Flight::leave(Side& side, Listener& listener) {
  --side.listeners;
  (listener.previous != nullptr ? listener.previous->next : side.first) = listener.next;
  if (listener.next != nullptr) listener.next->previous = listener.previous;
}

void Flight::Side::tell() {
  for (Listener* one = first; one != nullptr; one = one->next) one->told();
}

void Flight::call_out(const runtime::Loop& here) {
  for (auto& side : sides_) {
    if (side->loop == &here || side->listeners == 0 || side->posted) continue;
    side->posted = true;
    side->loop->post([self = shared_from_this(), at = side.get()] {
      {
        std::lock_guard lock(self->mutex_);
        at->posted = false;
      }
      at->tell();
    });
  }
}

bool Flight::charge(size_t bytes) {
  if (!budgets_.flights.take(bytes)) return false;
  if (budgets_.replies.take(bytes)) return true;
  budgets_.flights.give(bytes);
  return false;
}

void Flight::drop_first() {
  const Chunk& first = chunks_.front();
  base_ = first.begin + first.text->size();
  held_ -= first.charged;
  if (first.charged > 0) {
    budgets_.flights.give(first.charged);
    budgets_.replies.give(first.charged);
  }
  chunks_.pop_front();
}

void Flight::put(std::string_view bytes, bool may_speak) {
  if (!chunks_.empty()) {
    std::string& last = *chunks_.back().text;
    if (last.capacity() - last.size() >= bytes.size()) {
      last.append(bytes);
      chunks_.back().may_speak = chunks_.back().may_speak && may_speak;
      end_ += bytes.size();
      return;
    }
  }
  const size_t room = std::max(bytes.size(), end_ == 0 ? kChunkBytes : kLaterChunkBytes);
  const size_t cost = room + kChunkOverhead;
  // What the fastest reader has read may go.
  const auto spare = [this] {
    return !chunks_.empty() && chunks_.front().begin + chunks_.front().text->size() <= front_;
  };
  while (held_ + cost > limits_.bytes_max && spare()) drop_first();
  bool charged = charge(cost);
  while (!charged && spare()) {
    drop_first();
    charged = charge(cost);
  }
  tight_ = !charged;
  Chunk chunk{.text = std::make_shared<std::string>(), .charged = 0, .begin = end_, .may_speak = may_speak};
  chunk.text->reserve(room);
  chunk.text->append(bytes);
  if (charged) {
    chunk.charged = cost;
    held_ += cost;
  }
  chunks_.push_back(std::move(chunk));
  end_ += bytes.size();
}

bool Flight::has_room() const {
  return end_ == front_ || (!tight_ && end_ - front_ < limits_.ahead_max && phase_ == Phase::kFlowing);
}

Seat::Seat(std::shared_ptr<Flight> flight, runtime::Loop& loop, uint64_t from)
    : flight_(std::move(flight)), loop_(loop), position_(from) {
  std::lock_guard lock(flight_->mutex_);
  side_ = &flight_->side_of(loop);
  flight_->listen(*side_, *this);
}

Flight::Piece Seat::next() {
  Flight& flight = *flight_;
  Flight::Piece piece;
  bool room = false;
  Flight::Side* mine = nullptr;
  {
    std::lock_guard lock(flight.mutex_);
    const bool over = flight.phase_ == Flight::Phase::kEnded;
    if (position_ < flight.base_) {
      piece.lost = true;
      return piece;
    }
    if (position_ == flight.end_) {
      piece.ended = over;
      piece.may_speak = flight.may_speak_;
      return piece;
    }
    auto at = std::ranges::upper_bound(flight.chunks_, position_, {}, &Flight::Chunk::begin);
    --at;
    piece.holder = at->text;
    piece.bytes = std::string_view(*at->text).substr(static_cast<size_t>(position_ - at->begin));
    position_ += piece.bytes.size();
    piece.ended = over && position_ == flight.end_;
    piece.may_speak = position_ == flight.end_ ? flight.may_speak_ : at->may_speak;
    if (position_ > flight.front_) {
      const bool full = !flight.has_room();
      flight.front_ = position_;
      room = full && flight.has_room();
      if (room) {
        flight.call_out(loop_);
        mine = side_;
      }
    }
  }
  if (mine != nullptr) mine->tell();
  return piece;
}

bool Seat::claim() {
  std::lock_guard lock(flight_->mutex_);
  if (flight_->phase_ != Flight::Phase::kVacant) return false;
  flight_->phase_ = Flight::Phase::kOpening;
  return true;
}

void Seat::leave() {
  if (!seated_) return;
  seated_ = false;
  bool gone = false;
  {
    std::lock_guard lock(flight_->mutex_);
    flight_->leave(*side_, *this);
    gone = --flight_->seats_ == 0 && flight_->holds_ == 0 && flight_->phase_ < Flight::Phase::kEnded;
    if (gone) {
      flight_->phase_ = Flight::Phase::kGone;
      flight_->call_out(loop_);
    }
  }
  if (gone) side_->tell();
}

Helm::Helm(std::shared_ptr<Flight> flight, runtime::Loop& loop) : flight_(std::move(flight)), loop_(loop) {
  std::lock_guard lock(flight_->mutex_);
  side_ = &flight_->side_of(loop);
  flight_->listen(*side_, *this);
}

Helm::~Helm() {
  std::lock_guard lock(flight_->mutex_);
  flight_->leave(*side_, *this);
}

void Helm::told() {
  if (flight_->phase() == Flight::Phase::kGone) cancel.cancel(runtime::CancelReason::kClientGone);
  slot.notify();
}

void Helm::publish(std::unique_lock<std::mutex> lock) {
  flight_->call_out(loop_);
  lock.unlock();
  side_->tell();
}

void Helm::begin(Flight::Head head) {
  std::unique_lock lock(flight_->mutex_);
  if (flight_->phase_ != Flight::Phase::kOpening) return;
  flight_->head_ = std::move(head);
  flight_->phase_ = Flight::Phase::kFlowing;
  publish(std::move(lock));
}

void Helm::append(std::string_view bytes, bool may_speak) {
  std::unique_lock lock(flight_->mutex_);
  if (flight_->phase_ != Flight::Phase::kFlowing) return;
  if (!bytes.empty()) flight_->put(bytes, may_speak);
  flight_->may_speak_ = may_speak;
  publish(std::move(lock));
}

void Helm::end(Flight::Ending ending) {
  std::unique_lock lock(flight_->mutex_);
  if (flight_->phase_ == Flight::Phase::kGone) return;
  flight_->phase_ = flight_->phase_ == Flight::Phase::kFlowing ? Flight::Phase::kEnded : Flight::Phase::kFailed;
  flight_->ending_ = std::move(ending);
  publish(std::move(lock));
}

bool Helm::may_vacate() const {
  std::lock_guard lock(flight_->mutex_);
  return flight_->promotions_ < kPromotionsMax;
}

bool Helm::vacate() {
  std::unique_lock lock(flight_->mutex_);
  if (flight_->phase_ != Flight::Phase::kOpening || flight_->promotions_ >= kPromotionsMax) return false;
  ++flight_->promotions_;
  flight_->phase_ = Flight::Phase::kVacant;
  publish(std::move(lock));
  return true;
}

void Helm::part() {
  std::unique_lock lock(flight_->mutex_);
  if (flight_->phase_ != Flight::Phase::kOpening) return;
  flight_->phase_ = Flight::Phase::kAlone;
  publish(std::move(lock));
}

bool Helm::has_room() const {
  std::lock_guard lock(flight_->mutex_);
  return flight_->has_room();
}

FlightHold::FlightHold(std::shared_ptr<Flight> flight, runtime::Loop& loop) : flight_(std::move(flight)), loop_(loop) {
  std::lock_guard lock(flight_->mutex_);
  ++flight_->holds_;
}

FlightHold::~FlightHold() {
  Flight::Side* mine = nullptr;
  {
    std::lock_guard lock(flight_->mutex_);
    if (--flight_->holds_ > 0 || flight_->seats_ > 0 || flight_->phase_ >= Flight::Phase::kEnded) return;
    flight_->phase_ = Flight::Phase::kGone;
    mine = &flight_->side_of(loop_);
    flight_->call_out(loop_);
  }
  mine->tell();
}

}  // namespace baton::reuse
