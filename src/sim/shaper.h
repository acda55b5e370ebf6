// Shaper: what a Control does to a reply's bytes on their way out: framing of events, coding, pieces of a fixed size,
// and the place where the reply goes wrong. Pure: it says what to do and when; the handler does it. Life: one per
// reply. Thread: one loop. Bounds: holds one piece of its Source.
#pragma once

#include <optional>
#include <string>

#include "sim/control.h"
#include "sim/source.h"
#include "sim/stored_coding.h"

namespace baton::sim {

// Where a byte fault strikes when the request names no byte.
inline constexpr uint64_t kFaultAtDefault = 700;
inline constexpr Duration kSlowGapDefault = std::chrono::milliseconds(5);

class Shaper {
 public:
  enum class What : uint8_t { kWrite, kEnd, kReset, kClose, kStall, kGarbage };
  struct Step {
    What what = What::kEnd;
    Duration due{0};
  };

  // Borrows both. `stream`: the pieces are events. `request_id` goes into an error event.
  struct Parts {
    const Control& control;
    Source& source;
    bool stream = false;
    std::string request_id;
  };
  explicit Shaper(Parts parts);

  // The next step; for kWrite `out` is replaced by the bytes, which leave in a write of their own. Every other step is
  // the last one.
  Step next(std::string& out);

 private:
  bool refill();  // false: the source, or the reply, is at its end
  void event_fault();
  void frame(std::string& event);
  Step last_step() const;

  Parts parts_;
  StoredEncoder encoder_;
  std::string piece_;
  size_t taken_ = 0;
  uint64_t given_ = 0;  // content bytes so far
  uint64_t at_ = 0;
  bool byte_fault_ = false;
  bool over_ = false;  // nothing more is pulled from the source
  size_t events_ = 0;
  Duration due_{0};
  Duration lag_{0};  // what gaps added
};

}  // namespace baton::sim
