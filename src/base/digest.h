// Digests and random bytes: the only place that calls OpenSSL for them.
// Thread: any. Source: FIPS 180-4 (SHA-256), RFC 2104 (HMAC).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace baton {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);
// Constant time for equal lengths; different lengths are unequal at once.
bool equal_constant_time(std::string_view a, std::string_view b);
// Lower-case hex of any bytes.
std::string hex(std::span<const uint8_t> bytes);
// From the operating system's generator; ends the process if that fails.
void random_bytes(std::span<uint8_t> out);

}  // namespace baton
