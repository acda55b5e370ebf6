// BodyWriter: puts a message onto a connection without suspending: what the peer does not take at once is kept, and
// whoever produces looks at pending() and stops producing. One write per piece: head, chunk framing and content go out
// together. Life: one per message. Thread: one loop. Bounds: pending() grows by what is written while the peer does not
// read; the caller bounds it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/http1.h"
#include "runtime/byte_stream.h"

namespace baton::net {

class BodyWriter {
 public:
  // kLength and kUntilClose pass content as it is; kChunked frames each piece; kNone drops content (a reply to HEAD, a
  // 204).
  BodyWriter(runtime::ByteStream& stream, http::Framing framing) : stream_(&stream), framing_(framing) {}

  // Writes `head` (may be empty), then `content` (may be empty) as one piece, then the end of the message when `last`.
  // False when the connection is broken: nothing written later will arrive.
  bool write(std::string_view head, std::string_view content, bool last);
  // Tries to send what is kept. False when the connection is broken.
  bool flush();
  size_t pending() const { return kept_.size() - sent_; }
  bool broken() const { return broken_; }
  bool finished() const { return finished_; }
  uint64_t content_bytes() const { return content_bytes_; }

 private:
  void keep(std::span<const iovec> parts, size_t skip);

  runtime::ByteStream* stream_;
  http::Framing framing_;
  bool broken_ = false;
  bool finished_ = false;
  uint64_t content_bytes_ = 0;
  std::string kept_;
  size_t sent_ = 0;
};

}  // namespace baton::net
