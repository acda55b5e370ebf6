// Log: the operator's log. One human line per event on stderr, "baton: ...": start, drain, a state that got worse or
// well again. Never anything per call (that is the access log), never a key, a prompt or a reply.
// Life: made first in app/, outlives everything. Thread: any.
// Bounds: a topic speaks at most once in kTopicPause and all topics together at most kLinesPerMinuteMax times a
// minute; what was kept back is counted and told with the next line. A line is cut at kLineBytesMax; control, bidi and
// escape characters are shown as \u. A blocked stderr loses lines, it never blocks the caller.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/units.h"
#include "metrics/line_sink.h"
#include "runtime/clock.h"

namespace baton::metrics {

class Log {
 public:
  static constexpr Duration kTopicPause = std::chrono::seconds(10);
  static constexpr size_t kLinesPerMinuteMax = 60;
  static constexpr size_t kTopicsMax = 256;
  static constexpr size_t kLineBytesMax = 512;

  // Borrows the clock for its life; writes to `descriptor`, which stays the caller's.
  explicit Log(const runtime::Clock& clock, int descriptor = 2);

  // What the operator must see once: start, listening addresses, drain, exit. Not limited: call it a bounded number of
  // times.
  void say(std::string_view message);
  // What may repeat: limited per topic ("store", "upstream org-a"). The message is not kept beyond the call.
  void trouble(std::string_view topic, std::string_view message);

 private:
  struct Topic {
    Instant spoke;
    uint64_t kept_back = 0;
  };
  void write(std::string_view message, uint64_t kept_back);

  const runtime::Clock& clock_;
  std::mutex mutex_;
  LineSink sink_;
  std::map<std::string, Topic, std::less<>> topics_;
  Instant minute_began_;
  size_t lines_this_minute_ = 0;
  uint64_t kept_back_ = 0;  // by the limit over all topics
};

}  // namespace baton::metrics
