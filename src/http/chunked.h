// Chunked transfer coding: a decoder that is resumable at any byte and copies nothing, and the bytes of an encoder.
// Life: one decoder per body. Thread: any, one at a time.
// Bounds: at most 16 hex digits a size, 256 bytes of extension a chunk, 8 KB of trailers (read and dropped;
// one that would frame or route a message is an error).
// Source: RFC 9112 7.1 (read 2026-11), its grammar without the "bad whitespace" around ';' and '='. No bare line feeds
// anywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace baton::http {

class ChunkedDecoder {
 public:
  struct Step {
    size_t consumed = 0;    // of the input
    std::string_view data;  // a piece of content, inside the input; may be empty
    bool error = false;     // malformed: close the connection
  };
  // Takes bytes from the front of `input` up to and including at most one piece of content. Call again with the rest
  // until the input is used up or done(). Once done, bytes behind the body are not consumed. After an error it stays in
  // error.
  Step step(std::string_view input);
  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kError; }

 private:
  enum class State : uint8_t {
    kSizeStart,
    kSize,
    kExtensionName,  // behind ';', before the name's first byte
    kExtensionNameMore,
    kExtensionValue,  // behind '=', before the value's first byte
    kExtensionToken,
    kExtensionQuoted,
    kExtensionEscape,  // behind '\\' in a quoted value
    kExtensionEnd,     // behind a closing quote
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
    kError,
  };
  // The state behind `c`, which is not content.
  State after(char c);
  void take_name(char c);

  State state_ = State::kSizeStart;
  uint8_t digits_ = 0;
  uint8_t name_bytes_ = 0;  // of a trailer's name; its beginning, in lower case:
  std::array<char, 18> name_{};
  uint16_t extra_ = 0;  // bytes of extension, or of trailers
  uint64_t left_ = 0;
};

// "1f\r\n" for a chunk of `size` bytes (never 0), written into `out`; the view is into `out`. The chunk's data and
// "\r\n" follow.
std::string_view chunk_head(size_t size, std::array<char, 20>& out);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace baton::http
