// Source: a reply's content, made piece by piece while it is sent, with the time at which each piece is due.
// Life: owned by its Reply. Thread: one loop. Bounds: one piece (an event, a line, a slice) at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/units.h"

namespace baton::sim {

class Source {
 public:
  virtual ~Source() = default;
  // When the next piece is due, counted from when the head is; nothing at the end. Does not decrease.
  virtual std::optional<Duration> due() = 0;
  // Appends the next piece: whole events for a stream. Only after due() gave a time.
  virtual void append(std::string& out) = 0;
  // Output tokens in the pieces so far.
  virtual uint64_t tokens_given() const { return 0; }
};

}  // namespace baton::sim
