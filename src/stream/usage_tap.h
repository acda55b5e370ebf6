// UsageTap reads what the vendor states about a Messages reply while it passes: usage, model, stop reason, how far it
// got. It is told the events of a stream (or one whole Message) and changes nothing; the bytes go their own way. Life:
// one per Attempt, on its frame; the room it reads in is one per loop and outlives it. Thread: the loop's. Bounds:
// texts are cut as noted; per event no more than a look at its name, unless it is one that carries facts (two of a
// stream's hundreds), which are read in time linear in their bytes. Never suspends.
// An object that cannot be read in one way only (bad JSON around its fields, a key twice) is counted in `unread` and
// gives nothing. What stands inside the values that are not read is not looked at.
// Source: Messages API, streaming and errors pages (read 2026-11).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/json.h"
#include "model/usage.h"

namespace baton::stream {

inline constexpr size_t kFactBytesMax = 256;  // a longer model, id, reason or error type is cut

// What an event means for a reply whose opening is held back until something better is known.
enum class Opening : uint8_t {
  kOpening,  // message_start, ping: says nothing yet about how the call goes
  kContent,  // anything else, unknown and nameless events too
  kError,    // the call failed after its status 200
};
constexpr Opening opening(std::string_view event_name) {
  if (event_name == "message_start" || event_name == "ping") return Opening::kOpening;
  return event_name == "error" ? Opening::kError : Opening::kContent;
}

// Where facts are read: one per loop, shared by its taps. Keeps no more than 64 KiB, and what the scanner keeps.
class TapRoom {
 public:
  // What `read(scanner, text)` gives for a copy of `text` that has the padding the scanner wants. The copy lives for
  // the call.
  template <class Read>
  bool with(std::string_view text, Read&& read) {
    hold(text);
    bool done = read(scanner_, std::string_view(text_).substr(0, text.size()));
    give_back();
    return done;
  }

 private:
  void hold(std::string_view text);
  void give_back();

  http::JsonScanner scanner_;
  std::string text_;
};

// An error of the vendor's, from the body of a failed reply or the data of an `error` event.
struct VendorError {
  std::string type;        // "overloaded_error", cut at kFactBytesMax
  std::string error_code;  // of its details, or empty
  friend bool operator==(const VendorError&, const VendorError&) = default;
};
// Nothing when `body` is not of the vendor's shape {"type":"error","error":{"type":"...",...}} (a page of a proxy
// before it).
std::optional<VendorError> read_error(std::string_view body, TapRoom& room);

struct ReplyFacts {
  model::Usage usage;      // cumulative: the latest statement of each figure
  std::string message_id;  // these three are cut at kFactBytesMax
  std::string model;
  std::string stop_reason;
  VendorError error;  // of the `error` event
  bool message_start = false;
  bool content = false;  // any event that is neither of the two opening ones nor an error
  bool message_delta = false;
  bool message_stop = false;
  bool error_event = false;
  uint32_t unread = 0;  // statements that could not be read
  friend bool operator==(const ReplyFacts&, const ReplyFacts&) = default;
};

class UsageTap {
 public:
  explicit UsageTap(TapRoom& room) : room_(room) {}

  // The next event of the stream. `data` is borrowed for the call. Events behind message_stop are not part of the
  // Message and change nothing. Figures of message_start are taken over, then every one that a message_delta states
  // replaces the one before (they are totals, not increments); what is absent or null stays.
  void event(std::string_view name, std::string_view data) {
    if (facts_.message_stop) return;
    switch (opening(name)) {
      case Opening::kOpening:
        if (name.size() > 4) message_start(data);
        return;
      case Opening::kError: error(data); return;
      case Opening::kContent: break;
    }
    facts_.content = true;
    if (name == "message_delta") message_delta(data);
    if (name == "message_stop") facts_.message_stop = true;
  }

  // A whole Message, as it comes without streaming. `body` is borrowed for the call.
  void message(std::string_view body);

  const ReplyFacts& facts() const { return facts_; }

 private:
  void message_start(std::string_view data);
  void message_delta(std::string_view data);
  void error(std::string_view data);

  TapRoom& room_;
  ReplyFacts facts_;
};

}  // namespace baton::stream
