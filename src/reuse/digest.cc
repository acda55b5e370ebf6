#include "reuse/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace baton::reuse {

std::optional<Digest> Digester::digest(const Question& question) {
  if (question.body.size() > kRequestBytesMax) return std::nullopt;
  if (!canonical_.write(question)) {
    canonical_.shrink();
    return std::nullopt;
  }
  const std::string_view text = canonical_.text();
  const TenantSecret& secret = secret_of(question.tenant);
  const XXH128_hash_t hash = XXH3_128bits_withSecret(text.data(), text.size(), secret.data(), secret.size());
  Digest digest{.key = {.low = hash.low64, .high = hash.high64}, .identity = sha256(text)};
  canonical_.shrink();
  return digest;
}

const Digester::TenantSecret& Digester::secret_of(std::string_view tenant) {
  if (auto found = tenants_.find(tenant); found != tenants_.end()) return found->second;
  if (tenants_.size() >= kTenantsMax) tenants_.clear();
  TenantSecret secret;
  const std::string_view own(reinterpret_cast<const char*>(secret_.data()), secret_.size());
  for (size_t i = 0; i < secret.size(); i += sizeof(Sha256)) {
    const Sha256 part = hmac_sha256(own, std::string(tenant) + '\0' + static_cast<char>('0' + i / sizeof(Sha256)));
    std::ranges::copy(part, secret.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return tenants_.emplace(tenant, secret).first->second;
}

}  // namespace baton::reuse
