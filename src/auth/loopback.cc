#include "auth/loopback.h"

#include <array>
#include <cstdint>
#include <optional>

#include "base/ascii.h"

namespace baton::auth {
namespace {

bool is_port(std::string_view text) {
  const auto value = ascii::decimal(text);
  return value && *value <= 65535 && text.size() <= 5;
}

// What stands behind the host: nothing, or a colon and a port.
bool is_port_suffix(std::string_view text) { return text.empty() || (text.front() == ':' && is_port(text.substr(1))); }

bool is_loopback_text(std::string_view text) {
  const std::optional<net::IpAddress> address = net::IpAddress::parse(text);
  return address && is_loopback(*address);
}

}  // namespace

bool is_loopback(const net::IpAddress& address) {
  static constexpr std::array<uint8_t, 16> kV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return address.is_v4() ? address.bytes()[0] == 127 : address.is_v6() && address.bytes() == kV6;
}

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t close = host.find(']');
    if (close == host.npos || !is_port_suffix(host.substr(close + 1))) return false;
    const std::string_view text = host.substr(1, close - 1);
    return text.find(':') != text.npos && is_loopback_text(text);
  }
  const std::string_view name = host.substr(0, host.find(':'));
  if (!is_port_suffix(host.substr(name.size()))) return false;
  return ascii::equal_ignoring_case(name, "localhost") || is_loopback_text(name);
}

}  // namespace baton::auth
