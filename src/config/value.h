// Values: the texts of a configuration as typed values and back. Independent of the locale; nothing is guessed.
// Each parse gives the value or the reason, a phrase that follows "key: ". Thread: any; pure. Bounds: 64-bit, overflow
// is refused.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/units.h"

namespace baton::config {

template <class T>
using Parsed = std::expected<T, std::string>;

// "250ms", "10s", "15m", "24h"; a bare 0 needs no unit.
Parsed<Duration> parse_duration(std::string_view text);
// "512B", "256KB", "32MB", "1GB" (powers of 1000), "256KiB", "32MiB", "1GiB" (powers of 1024); a bare 0 needs no unit.
Parsed<uint64_t> parse_size(std::string_view text);
// Digits only.
Parsed<uint64_t> parse_count(std::string_view text);
// A decimal number from 0 to 1 such as "0.05".
Parsed<double> parse_share(std::string_view text);
// "true" or "false".
Parsed<bool> parse_bool(std::string_view text);

// The shortest exact spelling that the parse of the same kind reads back.
std::string duration_text(Duration value);
std::string size_text(uint64_t bytes);
std::string share_text(double value);

// An address and a port: "127.0.0.1:8787", "[::1]:8787", "localhost:8787" (which is 127.0.0.1).
struct HostPort {
  std::string address;  // without brackets
  uint16_t port = 0;
};
enum class PortZero { kRefused, kAllowed };
Parsed<HostPort> parse_listen_address(std::string_view text, PortZero zero);

}  // namespace baton::config
