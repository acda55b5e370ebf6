#include "net/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/ascii.h"

namespace baton::net {

namespace {

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool same_bits(const uint8_t* a, const uint8_t* b, unsigned bits) {
  unsigned whole = bits / 8;
  if (std::memcmp(a, b, whole) != 0) return false;
  unsigned rest = bits % 8;
  if (rest == 0) return true;
  auto mask = static_cast<uint8_t>(0xff << (8 - rest));
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

struct Block4 {
  std::array<uint8_t, 4> network;
  unsigned bits;
};
constexpr Block4 kSpecial4[] = {
    {{0, 0, 0, 0}, 8},        // this network
    {{10, 0, 0, 0}, 8},       // private
    {{100, 64, 0, 0}, 10},    // shared, CGNAT
    {{127, 0, 0, 0}, 8},      // loopback
    {{169, 254, 0, 0}, 16},   // link-local, cloud metadata
    {{172, 16, 0, 0}, 12},    // private
    {{192, 0, 0, 0}, 24},     // protocol assignments
    {{192, 0, 2, 0}, 24},     // documentation
    {{192, 168, 0, 0}, 16},   // private
    {{198, 18, 0, 0}, 15},    // benchmarking
    {{198, 51, 100, 0}, 24},  // documentation
    {{203, 0, 113, 0}, 24},   // documentation
    {{224, 0, 0, 0}, 4},      // multicast
    {{240, 0, 0, 0}, 4},      // reserved, broadcast
};

struct Block6 {
  std::array<uint8_t, 16> network;
  unsigned bits;
};
constexpr Block6 kSpecial6[] = {
    {{}, 128},                                                // unspecified
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},  // loopback
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48},               // NAT64 for local use
    {{0x01, 0x00}, 64},                                       // discard
    {{0x20, 0x01, 0x0d, 0xb8}, 32},                           // documentation
    {{0x3f, 0xff}, 20},                                       // documentation
    {{0xfc}, 7},                                              // unique local
    {{0xfe, 0x80}, 10},                                       // link-local
    {{0xfe, 0xc0}, 10},                                       // site-local, historic
    {{0xff}, 8},                                              // multicast
};

// IPv6 blocks whose addresses carry an IPv4 address at `offset`; `flip` when its bits are inverted there.
struct Carrier {
  std::array<uint8_t, 16> network;
  unsigned bits;
  size_t offset;
  uint8_t flip;
};
constexpr Carrier kCarriers[] = {
    {{}, 96, 12, 0},                                    // compatible, historic
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12, 0},  // translated (SIIT)
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12, 0},              // NAT64
    {{0x20, 0x02}, 16, 2, 0},                           // 6to4
    {{0x20, 0x01, 0, 0}, 32, 12, 0xff},                 // Teredo: the client's address
    {{0x20, 0x01, 0, 0}, 32, 4, 0},                     // Teredo: the server's
};

bool is_special4(const uint8_t* bytes) {
  return std::ranges::any_of(kSpecial4, [&](const Block4& b) { return same_bits(bytes, b.network.data(), b.bits); });
}

}  // namespace

IpAddress IpAddress::v4(std::array<uint8_t, 4> bytes) {
  IpAddress out;
  std::ranges::copy(bytes, out.bytes_.begin());
  out.length_ = 4;
  return out;
}

IpAddress IpAddress::v6(const std::array<uint8_t, 16>& bytes) {
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin()))
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  IpAddress out;
  out.bytes_ = bytes;
  out.length_ = 16;
  return out;
}

namespace {

// "192.0.2.1": four numbers without leading zeros and nothing else.
std::optional<std::array<uint8_t, 4>> parse4(std::string_view text) {
  std::array<uint8_t, 4> out;
  size_t at = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i > 0 && (at == text.size() || text[at++] != '.')) return std::nullopt;
    const size_t begin = at;
    unsigned value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 3; ++at)
      value = value * 10 + static_cast<unsigned>(text[at] - '0');
    if (at == begin || value > 255 || (text[begin] == '0' && at - begin > 1)) return std::nullopt;
    out[i] = static_cast<uint8_t>(value);
  }
  if (at != text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (const auto four = parse4(text)) return v4(*four);
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  std::array<uint8_t, 16> sixteen;
  if (inet_pton(AF_INET6, copy, sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

IpAddress IpAddress::from(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    std::array<uint8_t, 4> four;
    std::memcpy(four.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, four.size());
    return v4(four);
  }
  if (address.ss_family == AF_INET6) {
    std::array<uint8_t, 16> sixteen;
    std::memcpy(sixteen.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, sixteen.size());
    return v6(sixteen);
  }
  return {};
}

std::string IpAddress::text() const {
  if (length_ == 0) return {};
  if (is_v4()) {
    char four[16];
    char* at = four;
    for (size_t i = 0; i < 4; ++i) {
      if (i > 0) *at++ = '.';
      at = std::to_chars(at, four + sizeof four, bytes_[i]).ptr;
    }
    return {four, at};
  }
  char out[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes_.data(), out, sizeof out);
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  Cidr out;
  size_t slash = text.find('/');
  std::string_view host = text.substr(0, slash);
  auto address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  out.network_ = *address;
  unsigned width = address->is_v4() ? 32 : 128;
  out.bits_ = static_cast<uint8_t>(width);
  if (slash == std::string_view::npos) return out;
  auto bits = ascii::decimal(text.substr(slash + 1));
  if (!bits) return std::nullopt;
  // "::ffff:10.0.0.0/104" counts its bits in the mapped form.
  bool mapped = address->is_v4() && host.find(':') != std::string_view::npos;
  if (mapped && *bits < 96) return std::nullopt;
  uint64_t prefix = mapped ? *bits - 96 : *bits;
  if (prefix > width) return std::nullopt;
  out.bits_ = static_cast<uint8_t>(prefix);
  return out;
}

bool Cidr::contains(const IpAddress& address) const {
  if (address.empty() || address.is_v4() != network_.is_v4()) return false;
  return same_bits(address.bytes().data(), network_.bytes().data(), bits_);
}

std::string Cidr::text() const { return network_.text() + "/" + std::to_string(bits_); }

bool contains(const std::vector<Cidr>& blocks, const IpAddress& address) {
  return std::ranges::any_of(blocks, [&](const Cidr& block) { return block.contains(address); });
}

bool is_private_or_local(const IpAddress& address) {
  const uint8_t* bytes = address.bytes().data();
  if (address.empty()) return true;
  if (address.is_v4()) return is_special4(bytes);
  for (const Block6& block : kSpecial6) {
    if (same_bits(bytes, block.network.data(), block.bits)) return true;
  }
  for (const Carrier& carrier : kCarriers) {
    if (!same_bits(bytes, carrier.network.data(), carrier.bits)) continue;
    uint8_t four[4];
    for (size_t i = 0; i < 4; ++i) four[i] = static_cast<uint8_t>(bytes[carrier.offset + i] ^ carrier.flip);
    if (is_special4(four)) return true;
  }
  return false;
}

SocketAddress socket_address(const IpAddress& address, uint16_t port) {
  SocketAddress out;
  if (address.is_v4()) {
    auto& in = reinterpret_cast<sockaddr_in&>(out.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.bytes().data(), 4);
    out.length = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(out.storage);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, address.bytes().data(), 16);
    out.length = sizeof in;
  }
  return out;
}

uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

}  // namespace baton::net
