#include "sim/stored_coding.h"

#include <array>

namespace baton::sim {

namespace {

constexpr size_t kBlockBytesMax = 65'535;

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320 ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrc = crc_table();

void little(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

}  // namespace

std::string_view name(ReplyCoding coding) {
  switch (coding) {
    case ReplyCoding::kIdentity: return "identity";
    case ReplyCoding::kGzip: return "gzip";
    case ReplyCoding::kBrotli: return "br";
    case ReplyCoding::kZstd: return "zstd";
  }
  return "identity";
}

void StoredEncoder::begin(std::string& out) {
  begun_ = true;
  if (coding_ == ReplyCoding::kGzip) out.append("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  // Magic, no checksum and no size, a window of 128 KB.
  if (coding_ == ReplyCoding::kZstd) out.append("\x28\xb5\x2f\xfd\x00\x38", 6);
}

void StoredEncoder::block(std::string_view bytes, std::string& out) {
  bool first = !begun_;
  if (first) begin(out);
  switch (coding_) {
    case ReplyCoding::kIdentity: break;
    case ReplyCoding::kGzip:
      out.push_back(0);
      little(out, bytes.size(), 2);
      little(out, ~bytes.size(), 2);
      for (char c : bytes) crc_ = kCrc[(crc_ ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc_ >> 8);
      size_ += static_cast<uint32_t>(bytes.size());
      break;
    case ReplyCoding::kBrotli: {
      // Not last, 4 nibbles of length - 1, uncompressed; in front of the first the window bit.
      uint64_t bits = (bytes.size() - 1) << 3 | uint64_t{1} << 19;
      little(out, first ? bits << 1 : bits, 3);
      break;
    }
    case ReplyCoding::kZstd: little(out, bytes.size() << 3, 3); break;
  }
  out += bytes;
}

void StoredEncoder::encode(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    block(bytes.substr(0, kBlockBytesMax), out);
    bytes.remove_prefix(std::min(bytes.size(), kBlockBytesMax));
  }
}

void StoredEncoder::finish(std::string& out) {
  bool empty = !begun_;
  if (empty) begin(out);
  switch (coding_) {
    case ReplyCoding::kIdentity: break;
    case ReplyCoding::kGzip:
      out.append("\x01\0\0\xff\xff", 5);
      little(out, ~crc_, 4);
      little(out, size_, 4);
      break;
    case ReplyCoding::kBrotli: out.push_back(empty ? 0x06 : 0x03); break;
    case ReplyCoding::kZstd: little(out, 1, 3); break;
  }
}

}  // namespace baton::sim
