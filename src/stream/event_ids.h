// EventIds: numbers the events of a stream, by a line `id: N` before each. The one case in which Baton adds to an
// upstream's bytes; a client that takes it out has them again. Life: one per stream. Thread: one at a time. Bounds: 24
// bytes an event. Source: HTML Living Standard, 9.2.5 "Parsing an event stream" (read 2026-11).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace baton::stream {

class EventIds {
 public:
  struct Start {
    uint64_t id = 0;
    size_t at = 0;  // in what was given out last
  };
  // The same bytes with a line before each event that begins in them; a view that holds until the next call.
  // A blank line that begins nothing gets none.
  std::string_view add(std::string_view bytes);
  // The events that begin in what was given out last.
  const std::vector<Start>& starts() const { return starts_; }
  // Of the event that began last; 0 before the first.
  uint64_t last() const { return last_; }

 private:
  std::string out_;
  std::vector<Start> starts_;
  uint64_t last_ = 0;
  bool between_ = true;     // no line of the next event has begun
  bool line_start_ = true;  // at the beginning of a line
};

}  // namespace baton::stream
