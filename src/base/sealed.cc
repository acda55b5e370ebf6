#include "base/sealed.h"

#include <openssl/evp.h>

#include <limits>
#include <memory>

#include "base/check.h"

namespace baton {

namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;

const EVP_CIPHER* method() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return fetched;
}

const uint8_t* bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }
uint8_t* bytes(std::string& text, size_t at) { return reinterpret_cast<uint8_t*>(text.data()) + at; }
int count(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

std::string seal(const Sha256& key, std::string_view about, std::string_view plain) {
  BATON_CHECK(plain.size() <= static_cast<size_t>(std::numeric_limits<int>::max()) - 64);
  std::string out(kNonceBytes + plain.size() + kTagBytes, '\0');
  random_bytes({bytes(out, 0), kNonceBytes});
  const Context context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* const c = context.get();
  int done = 0;
  int last = 0;
  BATON_CHECK(c != nullptr && EVP_EncryptInit_ex2(c, method(), key.data(), bytes(out, 0), nullptr) == 1 &&
              EVP_EncryptUpdate(c, nullptr, &done, bytes(about), count(about)) == 1 &&
              EVP_EncryptUpdate(c, bytes(out, kNonceBytes), &done, bytes(plain), count(plain)) == 1 &&
              EVP_EncryptFinal_ex(c, bytes(out, kNonceBytes + static_cast<size_t>(done)), &last) == 1 &&
              static_cast<size_t>(done + last) == plain.size() &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kTagBytes, bytes(out, kNonceBytes + plain.size())) == 1);
  return out;
}

std::optional<std::string> unseal(const Sha256& key, std::string_view about, std::string_view sealed) {
  if (sealed.size() < kNonceBytes + kTagBytes || sealed.size() > size_t{std::numeric_limits<int>::max()})
    return std::nullopt;
  const std::string_view inside = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string out(inside.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* const c = context.get();
  int done = 0;
  int last = 0;
  BATON_CHECK(c != nullptr && EVP_DecryptInit_ex2(c, method(), key.data(), bytes(sealed), nullptr) == 1);
  const bool good = EVP_DecryptUpdate(c, nullptr, &done, bytes(about), count(about)) == 1 &&
                    EVP_DecryptUpdate(c, bytes(out, 0), &done, bytes(inside), count(inside)) == 1 &&
                    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTagBytes, bytes(tag, 0)) == 1 &&
                    EVP_DecryptFinal_ex(c, bytes(out, static_cast<size_t>(done)), &last) == 1;
  if (!good) return std::nullopt;
  return out;
}

}  // namespace baton
