// IpAddress, Cidr: numeric addresses as values, without any system call. An IPv4-mapped IPv6 address (::ffff:a.b.c.d)
// is the same value as the IPv4 address inside it, so that a dual-stack listener and a rule written for IPv4 agree.
// Life: values. Thread: any. Source: RFC 4291, RFC 5952 (text), RFC 6890 and the IANA special-purpose registries (read
// 2026-01).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace baton::net {

class IpAddress {
 public:
  // No address at all: empty text, in no Cidr.
  IpAddress() = default;
  static IpAddress v4(std::array<uint8_t, 4> bytes);
  // A mapped address becomes IPv4.
  static IpAddress v6(const std::array<uint8_t, 16>& bytes);
  // Dotted quad or IPv6 text, no brackets, no zone, none of the historic spellings ("127.1", "0x7f.0.0.1",
  // "010.0.0.1").
  static std::optional<IpAddress> parse(std::string_view text);
  // Empty for anything but AF_INET and AF_INET6.
  static IpAddress from(const sockaddr_storage& address);

  bool is_v4() const { return length_ == 4; }
  bool is_v6() const { return length_ == 16; }
  bool empty() const { return length_ == 0; }
  // The first 4 bytes count for IPv4; network order.
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  std::string text() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<uint8_t, 16> bytes_{};
  uint8_t length_ = 0;
};

// A block of addresses, "10.0.0.0/8". Bits beyond the prefix are ignored.
class Cidr {
 public:
  // An address alone is a block of one. Nothing when the text is neither.
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string text() const;
  friend bool operator==(const Cidr&, const Cidr&) = default;

 private:
  IpAddress network_;
  uint8_t bits_ = 0;
};

bool contains(const std::vector<Cidr>& blocks, const IpAddress& address);

// True for every address that a public host cannot have: loopback, private, link-local (with the cloud metadata
// service), shared (CGNAT), unspecified, multicast, reserved, documentation, and the IPv6 forms that carry such an IPv4
// address inside (mapped, compatible, 6to4, NAT64, Teredo). An empty address counts as private.
bool is_private_or_local(const IpAddress& address);

// What the socket calls take.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
SocketAddress socket_address(const IpAddress& address, uint16_t port);
uint16_t port_of(const sockaddr_storage& address);

}  // namespace baton::net
