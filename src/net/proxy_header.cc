#include "net/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/check.h"

namespace baton::net {

namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr uint8_t kLocal = 0x20;
constexpr uint8_t kProxy = 0x21;

uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

}  // namespace

ProxyHeaderReader::Status ProxyHeaderReader::take(std::string_view bytes) {
  BATON_CHECK(bytes.size() <= wanted());
  const bool in_fixed = bytes_.size() < kFixedBytes;
  bytes_ += bytes;
  // What cannot become a header is known by its first wrong byte: nothing is waited for then.
  size_t signature = std::min(bytes_.size(), kSignature.size());
  if (std::string_view(bytes_).substr(0, signature) != kSignature.substr(0, signature)) return Status::kMalformed;
  if (bytes_.size() < total_) return Status::kMore;
  if (in_fixed) {
    if (!read_fixed()) return Status::kMalformed;
    if (bytes_.size() < total_) return Status::kMore;
  }
  return read_addresses() ? Status::kDone : Status::kMalformed;
}

bool ProxyHeaderReader::read_fixed() {
  uint8_t version_command = byte_at(bytes_, 12);
  if (version_command != kLocal && version_command != kProxy) return false;
  total_ = kFixedBytes + (static_cast<size_t>(byte_at(bytes_, 14)) << 8 | byte_at(bytes_, 15));
  return total_ <= kBytesMax;
}

bool ProxyHeaderReader::read_addresses() {
  if (byte_at(bytes_, 12) == kLocal) return true;
  std::string_view rest = std::string_view(bytes_).substr(kFixedBytes);
  switch (byte_at(bytes_, 13)) {
    case 0x00: return true;  // unspecified
    case 0x11: {             // TCP over IPv4: two addresses, two ports
      if (rest.size() < 12) return false;
      source_ = IpAddress::v4({byte_at(rest, 0), byte_at(rest, 1), byte_at(rest, 2), byte_at(rest, 3)});
      return true;
    }
    case 0x21: {  // TCP over IPv6
      if (rest.size() < 36) return false;
      std::array<uint8_t, 16> address;
      for (size_t i = 0; i < address.size(); ++i) address[i] = byte_at(rest, i);
      source_ = IpAddress::v6(address);
      return true;
    }
    default: return false;  // datagrams and unix sockets do not come over TCP
  }
}

}  // namespace baton::net
