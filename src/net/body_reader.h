// BodyReader: takes a message's content out of a connection, piece by piece, whatever its framing. Without buffers of
// its own: it reads into the caller's scratch and removes the chunk framing there, so that one read gives one
// contiguous piece. Life: one per message. Thread: one loop. Bounds: reads at most the scratch given; what came behind
// the message is its surplus. Source: RFC 9112 6 and 7.1.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/chunked.h"
#include "http/http1.h"
#include "runtime/byte_stream.h"

namespace baton::net {

class BodyReader {
 public:
  enum class Status : uint8_t {
    kMore,       // `data` is content (it may be empty); there is more to come
    kEnd,        // `data` is the last content (it may be empty)
    kBlocked,    // nothing there now: wait until the stream can be read
    kTruncated,  // the peer ended before the message did
    kReset,      // the connection broke
    kMalformed,  // the framing is wrong
  };
  struct Result {
    Status status;
    std::string_view data;  // inside the caller's bytes
  };

  BodyReader() = default;
  BodyReader(http::Framing framing, uint64_t length) : framing_(framing), left_(length) {}

  bool done() const {
    return done_ || framing_ == http::Framing::kNone || (framing_ == http::Framing::kLength && left_ == 0);
  }
  // Bytes that followed the message's end in what was given last; they stand at the end of it.
  std::string_view surplus() const { return surplus_; }

  // Content out of bytes that were read already (behind a head).
  Result decode(std::span<char> bytes);
  // One read and its content.
  Result try_read(runtime::ByteStream& stream, std::span<char> scratch);

 private:
  http::Framing framing_ = http::Framing::kNone;
  bool done_ = false;
  uint64_t left_ = 0;
  http::ChunkedDecoder chunks_;
  std::string_view surplus_;
};

// A per-thread buffer for one read; its contents do not survive a suspension. Padded for the JSON scanner.
std::span<char> read_scratch();

}  // namespace baton::net
