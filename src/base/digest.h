// Digests and random bytes: the only place that calls OpenSSL for them.
// Thread: any. Source: FIPS 180-4 (SHA-256), RFC 2104 (HMAC), RFC 5869 (HKDF).
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
// 32 bytes of key material out of `secret`, other ones for each pair of salt and info. The secret is not empty.
Sha256 hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info);
// Constant time for equal lengths; different lengths are unequal at once.
bool equal_constant_time(std::string_view a, std::string_view b);
// Lower-case hex of any bytes.
std::string hex(std::span<const uint8_t> bytes);
// From the operating system's generator; ends the process if that fails.
void random_bytes(std::span<uint8_t> out);

}  // namespace baton
