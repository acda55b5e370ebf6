// Content codings without compression: gzip stored blocks, brotli uncompressed meta-blocks, zstd raw blocks. Valid for
// every decoder, and each piece can be decoded as soon as it has come, which is what a stream needs. Life: one per
// message. Thread: one. Bounds: holds a checksum and a count. Source: RFC 1951 3.2.4, RFC 1952, RFC 7932 9.2, RFC
// 8878 3.1.1 (read 2026-11).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/control.h"

namespace baton::sim {

class StoredEncoder {
 public:
  explicit StoredEncoder(ReplyCoding coding) : coding_(coding) {}
  void encode(std::string_view bytes, std::string& out);
  // The end of the coded message; call once.
  void finish(std::string& out);

 private:
  void begin(std::string& out);
  void block(std::string_view bytes, std::string& out);

  ReplyCoding coding_;
  bool begun_ = false;
  uint32_t crc_ = 0xffffffff;
  uint32_t size_ = 0;
};

std::string_view name(ReplyCoding coding);

}  // namespace baton::sim
