#include "runtime/loop.h"

#include <algorithm>
#include <utility>

namespace baton::runtime {

void Waiter::fire(uint8_t what) {
  fired = static_cast<uint8_t>(fired | what);
  loop->enqueue(*this);
}

Loop::Loop(Clock& clock, Poller& poller) : clock_(clock), poller_(poller), now_(clock.now()), timers_(now_) {}

void Loop::run() {
  while (!stopped_ || head_ != nullptr) turn();
}

void Loop::run_until(const std::function<bool()>& done) {
  while (!done()) turn();
}

void Loop::turn() {
  ++turns_;
  Instant until = head_ != nullptr || stopped_ ? Instant{0} : timers_.next();
  poller_.poll(until);
  now_ = clock_.now();
  if (until.ns > 0 && now_ - until >= kStall) stalled_at_ = now_;
  timers_.advance(now_);
  std::vector<std::function<void()>> actions;
  {
    std::lock_guard lock(posted_mutex_);
    actions.swap(posted_);
  }
  for (auto& action : actions) action();
  run_queue();
  const Instant end = clock_.now();
  longest_turn_ = std::max(longest_turn_, end - now_);
  if (end - now_ >= kStall) stalled_at_ = end;
}

// One batch: what is enqueued while it runs waits for the next turn, so that sockets and timers are looked at in
// between.
void Loop::run_queue() {
  batch_ = std::exchange(head_, nullptr);
  tail_ = &head_;
  while (batch_ != nullptr) {
    Wake* wake = batch_;
    batch_ = wake->next;
    wake->queued = false;
    wake->next = nullptr;
    wake->run(*wake);
  }
}

void Loop::forget(Wake& wake) {
  if (!wake.queued) return;
  wake.queued = false;
  for (Wake** at = &batch_; *at != nullptr; at = &(*at)->next) {
    if (*at != &wake) continue;
    *at = wake.next;
    return;
  }
  for (Wake** at = &head_; *at != nullptr; at = &(*at)->next) {
    if (*at != &wake) continue;
    *at = wake.next;
    if (*at == nullptr) tail_ = at;
    return;
  }
}

void Loop::stop() {
  post([this] { stopped_ = true; });
}

void Loop::post(std::function<void()> action) {
  {
    std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(action));
  }
  poller_.interrupt();
}

Duration Loop::take_longest_turn() { return std::exchange(longest_turn_, Duration{0}); }

}  // namespace baton::runtime
