// SseScanner: follows a server-sent event stream as its bytes pass, split anywhere, and says where events end and what
// they are. It never changes the bytes, and keeps only what it must of an event that is split over reads.
// Life: one per stream. Thread: one loop. Bounds: of an event that is split it carries at most `event_bytes_max` (name,
// data and the line in progress); a larger one is skipped (`oversized`) and the stream goes on. No allocation while
// events come whole with one data line each; room above 4 KiB is given back once the event is over.
// Source: WHATWG HTML 9.2.6 (read 2026-11).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace baton::http {

struct SseEvent {
  std::string_view name;   // of the last event: line, or empty
  std::string_view data;   // data lines joined by LF; valid during the call only
  size_t end = 0;          // offset in the bytes given to feed() just behind the event's closing blank line
  bool oversized = false;  // larger than the bound: name and data are empty
};

class SseScanner {
 public:
  // An event's size is that of its field lines, each with one line end; comments do not count.
  explicit SseScanner(size_t event_bytes_max = 1024 * 1024) : event_bytes_max_(event_bytes_max) {}

  // Calls `on_event(const SseEvent&)` for every event that ends within `bytes`, in order. Events without data are
  // reported too when they have a name; comments and blank lines are not. A blank line that ends in CR ends its event
  // at once: should the LF of a CR LF come with the next bytes only, it lies behind `end`.
  template <class OnEvent>
  void feed(std::string_view bytes, OnEvent&& on_event) {
    begin(bytes);
    SseEvent event;
    while (next(event)) on_event(static_cast<const SseEvent&>(event));
  }

  // Whether the bytes so far end exactly between two events (also before the first), so that an event of our own may be
  // put here: at the start of a line, with no field line since the last blank one.
  bool between_events() const { return !fields_ && line_.empty() && (bom_ == 0 || bom_ == kBomDone); }
  // Reported so far, and how many of them were oversized.
  uint64_t events() const { return events_; }
  uint64_t oversized() const { return oversized_; }

 private:
  static constexpr uint8_t kBomDone = 3;

  void begin(std::string_view bytes);
  bool next(SseEvent& event);

  void take_byte_order_mark();
  void take_field(std::string_view line);
  void take_data(std::string_view value);
  void skip_event();
  void keep_line(std::string_view piece);
  void keep_event();
  bool end_event(SseEvent& event);

  size_t event_bytes_max_;
  uint64_t events_ = 0;
  uint64_t oversized_ = 0;

  std::string_view bytes_;  // being fed
  size_t at_ = 0;           // of them, done with

  // The event so far. Its name and data are views of `bytes_` until keep_event() or a second data line moves them.
  std::string_view name_;
  std::string_view data_;
  size_t event_bytes_ = 0;
  bool fields_ = false;  // it has a field line
  bool has_data_ = false;
  bool skipping_ = false;  // it is larger than the bound
  bool name_kept_ = false;
  bool data_kept_ = false;

  bool after_cr_ = false;  // an LF that follows belongs to the line end before it
  uint8_t bom_ = 0;        // bytes of a byte order mark seen, or kBomDone

  std::string
      line_;  // the beginning of a line whose end has not come; of comments and skipped events its first byte only
  std::string kept_name_;
  std::string kept_data_;
};

}  // namespace baton::http
