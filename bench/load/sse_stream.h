// One streamed call as the client sees it: checks the order of its events, counts the deltas and tells when each was
// due.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http_text.h"
#include "support.h"

namespace baton::load {

class SseStream {
 public:
  // Forgets the former call; the next bytes begin a reply.
  void reset() { *this = SseStream(); }

  // Bytes from the socket. Calls on_delta(due_ns) for each text delta. False: see error().
  template <typename OnDelta>
  bool feed(std::string_view bytes, OnDelta&& on_delta) {
    const bool framed = reply_.feed(bytes, [&](std::string_view body) { take_body(body, on_delta); });
    if (!framed) fail("malformed reply");
    if (reply_.status() != 0 && reply_.status() != 200) fail("status " + std::to_string(reply_.status()));
    if (reply_.done() && next_ != Next::kNothing) fail("stream ended early");
    return error_.empty();
  }

  // Its first event is here.
  bool opened() const { return next_ != Next::kMessageStart; }
  bool done() const { return reply_.done(); }
  bool closes() const { return reply_.closes(); }
  uint64_t deltas() const { return deltas_; }
  uint64_t pings() const { return pings_; }
  const std::string& error() const { return error_; }

 private:
  enum class Next { kMessageStart, kBlockStart, kDeltaOrBlockStop, kMessageDelta, kMessageStop, kNothing };

  template <typename OnDelta>
  void take_body(std::string_view body, OnDelta&& on_delta) {
    if (!partial_.empty()) {
      partial_.append(body);
      body = partial_;
    }
    size_t from = 0;
    for (size_t end; (end = body.find("\n\n", from)) != std::string_view::npos; from = end + 2) {
      const std::string_view event = body.substr(from, end - from);
      if (take_event(event)) on_delta(stamp_of(event));
    }
    partial_ = std::string(body.substr(from));
  }

  // True for a text delta.
  bool take_event(std::string_view event);
  uint64_t stamp_of(std::string_view delta);
  void fail(const std::string& what) {
    if (error_.empty()) error_ = what;
  }

  ReplyReader reply_;
  std::string partial_;
  Next next_ = Next::kMessageStart;
  uint64_t deltas_ = 0, pings_ = 0;
  std::string error_;
};

}  // namespace baton::load
