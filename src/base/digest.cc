#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace baton {

Sha256 sha256(std::string_view bytes) {
  // Fetched once: looking the method up again costs as much as a short digest.
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Sha256 out;
  unsigned int size = 0;
  BATON_CHECK(method != nullptr && EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, method, nullptr) == 1 &&
              size == out.size());
  return out;
}

Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  Sha256 out;
  unsigned int size = 0;
  BATON_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                   reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), out.data(), &size) != nullptr);
  return out;
}

Sha256 hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info) {
  BATON_CHECK(!secret.empty());
  const Sha256 extracted = hmac_sha256(salt, secret);
  std::string block(info);
  block.push_back('\x01');
  return hmac_sha256({reinterpret_cast<const char*>(extracted.data()), extracted.size()}, block);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

void random_bytes(std::span<uint8_t> out) { BATON_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1); }

}  // namespace baton
