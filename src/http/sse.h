// SseScanner: follows a server-sent event stream as its bytes pass, split anywhere, and says where events end and what they are.
// It never changes or keeps the bytes: they are forwarded as they came.
// Life: one per stream. Thread: one loop. Bounds: it carries at most `event_bytes_max` of an event that is split over reads; a larger
// one is skipped (`oversized`) and the stream goes on. No allocation while events come whole.
// Source: WHATWG HTML 9.2.6 (read 2026-11).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace baton::http {

struct SseEvent {
  std::string_view name;  // of the last event: line, or empty
  std::string_view data;  // data lines joined by LF; valid during the call only
  size_t end = 0;         // offset in the bytes given to feed() just behind the event's closing blank line
  bool oversized = false; // larger than the bound: name and data are empty
};

class SseScanner {
 public:
  explicit SseScanner(size_t event_bytes_max = 1024 * 1024) : event_bytes_max_(event_bytes_max) {}

  // Calls `on_event(const SseEvent&)` for every event that ends within `bytes`, in order. Events without data are reported too when
  // they have a name; comments and blank lines are not.
  template <class OnEvent>
  void feed(std::string_view bytes, OnEvent&& on_event) {
    begin(bytes);
    SseEvent event;
    while (next(event)) on_event(static_cast<const SseEvent&>(event));
  }

  // Whether the bytes so far end exactly between two events (also before the first), so that an event of our own may be put here.
  bool between_events() const;
  uint64_t events() const { return events_; }
  uint64_t oversized() const { return oversized_; }

 private:
  void begin(std::string_view bytes);
  bool next(SseEvent& event);

  size_t event_bytes_max_;
  uint64_t events_ = 0;
  uint64_t oversized_ = 0;
  // The implementation's own state follows here.
};

}  // namespace baton::http
