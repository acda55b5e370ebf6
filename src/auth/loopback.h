// Whether a text names this very host. Strict: what a resolver or another parser could take elsewhere is not loopback.
// Thread: any; pure, no allocation. Source: RFC 1122 3.2.1.3, RFC 4291 2.5.3, RFC 6761 6.3.
#pragma once

#include <string_view>

#include "net/address.h"

namespace baton::auth {

// 127.0.0.0/8 or ::1; a mapped IPv4 address is that address.
bool is_loopback(const net::IpAddress& address);

// The value of a Host field: localhost, an IPv4 loopback address or a bracketed IPv6 one, with or without a port.
bool is_loopback_host(std::string_view host);

}  // namespace baton::auth
