// EventFollower: watches a reply's bytes pass and decides which of them may leave now. Whole events leave at once; the
// beginning of an event that has not come whole waits (up to kTailBytesMax), so that a reply that is cut can always be
// ended by a well-formed event. It reads usage on the way. Bytes are never changed. Life: one per stream. Thread: one
// loop. Bounds: kTailBytesMax of an unfinished event; a larger one passes as it comes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/content_coding.h"
#include "http/sse.h"
#include "stream/config.h"
#include "stream/usage_tap.h"

namespace baton::stream {

inline constexpr size_t kTailBytesMax = 16 * kKiB;

class EventFollower {
 public:
  EventFollower(const Config& config, http::Coding coding, TapRoom& room);

  // Takes what came, gives what may be forwarded: a view that holds until the next call, and is inside `bytes` when
  // nothing waited.
  std::string_view feed(std::string_view bytes);
  // Whether what was forwarded ends at an event's end, so that an event of our own may be put behind it. What waits of
  // the next event follows later, or, when the reply is cut and ended by an error event, is given up.
  bool may_speak() const { return decoder_ == nullptr && !passing_ && !unreadable_; }
  // What waits: the beginning of an event. A reply that came to its end takes it along.
  std::string_view rest() const { return tail_; }
  // Gives back what the last feed() needed beyond `bytes`.
  void settle();

  bool encoded() const { return decoder_ != nullptr; }
  uint64_t events() const { return scanner_.events(); }
  const ReplyFacts& facts() const { return tap_.facts(); }
  // The first event other than message_start and ping has been seen; error: it was an error.
  bool opened() const { return facts().content || facts().error_event; }
  bool opened_with_error() const { return opened_with_error_; }
  bool unreadable() const { return unreadable_; }

 private:
  void look(std::string_view bytes, size_t& last_end);

  http::SseScanner scanner_;
  UsageTap tap_;
  std::unique_ptr<http::Decoder> decoder_;
  std::string tail_;
  std::string out_;
  bool passing_ = false;
  bool opened_with_error_ = false;
  bool unreadable_ = false;
  bool begun_ = false;
  bool half_mark_ = false;  // the first byte is that of a gzip member, and the second has not come
};

}  // namespace baton::stream
