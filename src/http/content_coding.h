// Content codings: decoders that work piece by piece within a bound. gzip, br and zstd for replies that came encoded
// though identity was asked; gzip for request bodies.
// Life: one decoder per message. Thread: any, one at a time.
// Bounds: what each call may give, and for whole bodies the ratio; besides, a gzip decoder holds about 45 KB, br up to
// its format's window of 16 MB, zstd windows of at most 8 MB (larger ones are refused, RFC 9659). A message is one gzip
// member or one zstd frame. Both formats allow several in a row, but readers differ in whether they go on after the
// first, and a body that can be read in two ways is refused: a second one is trailing data. Source: RFC 1952, RFC 7932,
// RFC 8878, RFC 9110 8.4.1 (read 2026-11).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace baton::http {

enum class Coding : uint8_t { kIdentity, kGzip, kBrotli, kZstd, kUnknown };

// From a Content-Encoding value; a list of more than one coding is kUnknown. "x-gzip" is gzip; empty is identity.
Coding parse_coding(std::string_view value);

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Appends what `bytes` decode to onto `out`, all of it that can be told so far, at most `room` bytes. Errors, after
  // which the decoder gives the same one for good: kBadRequest for bytes that are not of the coding or follow its end,
  // kBodyTooLarge when `room` does not suffice, kOverloaded (fault: us) when there is no memory for the decoder.
  virtual Expected<void> decode(std::string_view bytes, std::string& out, size_t room) = 0;
  // Whether the coded data is complete (checksum included).
  virtual bool finished() const = 0;
};

// nullptr for kIdentity and kUnknown.
std::unique_ptr<Decoder> make_decoder(Coding coding);

struct DecodeLimits {
  size_t output_bytes_max = 32 * 1024 * 1024;
  size_t ratio_max = 100;  // output : input, asked once the output passes ratio_from_bytes
  size_t ratio_from_bytes = 1024 * 1024;
};

// A whole request body. Success: the decoded bytes. kBadRequest (truncated, garbage, trailing data, checksum),
// kBodyTooLarge (size or ratio), kUnsupported (kUnknown). Identity is copied.
Expected<std::string> decode_whole(Coding coding, std::string_view bytes, const DecodeLimits& limits);

}  // namespace baton::http
