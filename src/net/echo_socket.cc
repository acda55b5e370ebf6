#include "net/echo_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

namespace baton::net {

namespace {

constexpr size_t kMessageBytes = 64;
constexpr size_t kHeaderBytes = 8;
constexpr uint8_t kEcho4 = 8, kReply4 = 0, kEcho6 = 128, kReply6 = 129;

// RFC 1071. The kernel does it for ICMPv6 and for ping sockets.
uint16_t checksum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint16_t read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
void write16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

}  // namespace

EchoSocket::~EchoSocket() {
  if (fd_) poller_.unwatch(fd_.get());
}

bool EchoSocket::send(const IpAddress& to, uint16_t sequence) {
  to_ = to;
  sequence_ = sequence;
  const int family = to.is_v4() ? AF_INET : AF_INET6;
  const int protocol = to.is_v4() ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  fd_ = Fd(::socket(family, SOCK_DGRAM | kFlags, protocol));
  raw_ = !fd_;
  if (raw_) fd_ = Fd(::socket(family, SOCK_RAW | kFlags, protocol));
  if (!fd_) return false;
  SocketAddress address = socket_address(to, 0);
  // Connected, so that only this host's messages come, and its refusals.
  if (::connect(fd_.get(), address.get(), address.length) != 0 || !poller_.watch(fd_.get(), *this, EPOLLIN | EPOLLET)) {
    fd_.reset();
    return false;
  }
  identifier_ = static_cast<uint16_t>(::getpid());
  std::array<uint8_t, kMessageBytes> message{};
  message[0] = to.is_v4() ? kEcho4 : kEcho6;
  write16(&message[4], identifier_);
  write16(&message[6], sequence_);
  if (to.is_v4()) write16(&message[2], checksum(message));
  return ::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(message.size());
}

bool EchoSocket::is_answer(const uint8_t* message, size_t bytes) const {
  if (bytes < kHeaderBytes || message[0] != (to_.is_v4() ? kReply4 : kReply6)) return false;
  if (read16(message + 6) != sequence_) return false;
  return !raw_ || read16(message + 4) == identifier_;
}

bool EchoSocket::answered() {
  std::array<uint8_t, 256> buffer;
  while (true) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return false;
    auto bytes = static_cast<size_t>(got);
    const uint8_t* message = buffer.data();
    if (raw_ && to_.is_v4()) {
      // A raw IPv4 socket gives the IP header too.
      const size_t header = bytes == 0 ? 0 : static_cast<size_t>(buffer[0] & 0x0f) * 4;
      if (header > bytes) continue;
      message += header;
      bytes -= header;
    }
    if (is_answer(message, bytes)) return true;
  }
}

}  // namespace baton::net
