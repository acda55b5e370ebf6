// Finding: what came of one row, and the comparisons that lead to it. Life: values. Thread: any; pure. Bounds: texts of
// a report are cut to kShownBytesMax each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/reply.h"

namespace baton::conformance {

enum class Verdict : uint8_t { kPass, kFail, kNotApplicable, kSkipped };
// "pass", "fail", "not applicable", "skipped".
std::string_view name(Verdict verdict);

struct Finding {
  Verdict verdict = Verdict::kPass;
  std::string expected = {};  // of a failure
  std::string seen = {};      // of a failure
  std::string note = {};      // what was measured, or why a row does not apply
};

Finding passed(std::string note = {});
Finding failed(std::string expected, std::string seen);
Finding not_applicable(std::string why);
Finding skipped(std::string why);

// For a report: one line of ASCII and whole UTF-8 characters; other bytes as \xNN; cut with its length told.
std::string shown(std::string_view text);

// Nothing when they are the same; else a failure that shows the first place where they are not.
std::optional<Finding> same_bytes(std::string_view what, std::string_view expected, std::string_view seen);

struct Event {
  std::string name;
  std::string data;
  friend bool operator==(const Event&, const Event&) = default;
};
// The whole events of a stream; what follows the last blank line is none.
std::vector<Event> events_of(std::string_view stream);
std::vector<Event> without_pings(std::vector<Event> events);
// Nothing when the same events came, pings apart; else a failure with the first that did not.
std::optional<Finding> same_events(std::string_view expected, std::string_view seen);

// How a streamed reply ended, as its client must understand it.
enum class Ending : uint8_t {
  kFinished,     // with message_stop
  kErrorEvent,   // with an error event
  kErrorStatus,  // it was no stream: the answer has a status of 400 or more
  kVisibleCut,   // the connection ended before the message
  kTidyEnd,      // in order, as though nothing were missing, but without message_stop
  kSilence,      // not at all, within the limit
};
Ending ending_of(const Reply& reply);
// "a tidy end without message_stop", for a report.
std::string_view describe(Ending ending);

// JSON without the blanks between its tokens. What is no JSON comes out in some way.
std::string compact(std::string_view json);
// The keys of an object, in their order.
std::vector<std::string> keys_of(std::string_view object);

}  // namespace baton::conformance
