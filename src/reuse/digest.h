// Digest: what makes two calls the same question. Over everything that the vendor can see: the caller's scope, path and
// query, anthropic-version, the set of anthropic-beta, and the body by its meaning: key order and blanks do not matter,
// every value does, but for what only concerns transport (`stream`, `metadata`, `diagnostics`, the billing block that
// Claude Code puts first in `system`). Looked up by XXH3-128 under a secret per tenant; confirmed by SHA-256, with the
// tenant's name in it, before anything is served. Life: a Digester per loop, keeps its room; a Digest is a value.
// Thread: one at a time. Bounds: kRequestBytesMax, kTenantsMax; time linear in the body, n log n in the keys of each
// object. Source: docs/adr/0006-digest-not-md5.md.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/digest.h"
#include "cache/key.h"
#include "reuse/canonical.h"
#include "reuse/config.h"

namespace baton::reuse {

struct Digest {
  cache::Key key;     // where to look
  Sha256 identity{};  // what must be found there
  friend bool operator==(const Digest&, const Digest&) = default;
};

class Digester {
 public:
  // `secret` is the process's own; with another one the same question lies elsewhere.
  explicit Digester(const std::array<uint8_t, 32>& secret) : secret_(secret) {}

  // Nothing when the body has no single meaning (a key twice in some object) or is larger than is looked up.
  std::optional<Digest> digest(const Question& question);

 private:
  using TenantSecret = std::array<uint8_t, 192>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  const TenantSecret& secret_of(std::string_view tenant);

  std::array<uint8_t, 32> secret_;
  std::unordered_map<std::string, TenantSecret, Hash, std::equal_to<>> tenants_;
  Canonical canonical_;
};

}  // namespace baton::reuse
