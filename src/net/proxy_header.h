// ProxyHeaderReader: reads the header that a load balancer puts before everything else on a connection, to say for whom
// it speaks. Version 2 only: version 1 is text of unknown length and is refused. It asks for exact sizes, so that no
// byte beyond the header is taken from the socket. Life: on an accepted stream until the header is whole. Thread: one
// loop. Bounds: kBytesMax. Source: "The PROXY protocol, versions 1 & 2", haproxy.org, section 2.2.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/address.h"

namespace baton::net {

class ProxyHeaderReader {
 public:
  static constexpr size_t kFixedBytes = 16;
  // Addresses and the extensions (TLVs) known to be in use need well under this.
  static constexpr size_t kBytesMax = 4096;
  enum class Status { kMore, kDone, kMalformed };

  // How many bytes to read next; 0 when done.
  size_t wanted() const { return total_ - bytes_.size(); }
  // Takes at most wanted() bytes. After kMalformed the connection is good for nothing.
  Status take(std::string_view bytes);
  // After kDone: the client's address; nothing when the balancer speaks for itself (LOCAL: health checks) or does not
  // tell.
  const std::optional<IpAddress>& source() const { return source_; }

 private:
  bool read_fixed();
  bool read_addresses();

  std::string bytes_;
  size_t total_ = kFixedBytes;
  std::optional<IpAddress> source_;
};

}  // namespace baton::net
