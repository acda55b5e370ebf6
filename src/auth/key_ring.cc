#include "auth/key_ring.h"

#include <algorithm>
#include <cstring>

namespace baton::auth {
namespace {

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::optional<WallTime> earlier(std::optional<WallTime> a, std::optional<WallTime> b) {
  if (!a) return b;
  return b ? std::min(*a, *b) : a;
}

}  // namespace

Sha256 keyed_digest(const DigestSecret& secret, std::string_view key) { return keyed_digest_of(secret, sha256(key)); }

Sha256 keyed_digest_of(const DigestSecret& secret, const Sha256& plain) {
  std::array<char, sizeof(DigestSecret) + sizeof(Sha256)> both;
  std::memcpy(both.data(), secret.data(), secret.size());
  std::memcpy(both.data() + secret.size(), plain.data(), plain.size());
  return sha256(std::string_view(both.data(), both.size()));
}

Secret signing_secret(const DigestSecret& secret, std::string_view key_id, const SigningSalt& salt) {
  const Sha256 derived = hkdf_sha256({reinterpret_cast<const char*>(secret.data()), secret.size()},
                                     {reinterpret_cast<const char*>(salt.data()), salt.size()},
                                     std::string("baton-signing-v1:").append(key_id));
  return Secret(hex(derived));
}

size_t KeyRing::Snapshot::FirstBytes::operator()(const Sha256& digest) const {
  size_t first;
  std::memcpy(&first, digest.data(), sizeof first);
  return first;
}

const KeyRing::Held* KeyRing::Snapshot::find(std::string_view key) const {
  if (by_digest.empty()) return nullptr;
  const Sha256 wanted = keyed_digest(secret, key);
  static constexpr Sha256 kNobody{};
  const auto found = by_digest.find(wanted);
  const bool equal = equal_constant_time(bytes_of(found == by_digest.end() ? kNobody : found->first), bytes_of(wanted));
  return equal && found != by_digest.end() ? &found->second : nullptr;
}

const KeyRing::Snapshot& KeyRing::View::of(const KeyRing& ring) {
  // Only when keys have changed is there a lock to take.
  if (const uint64_t newest = ring.generation_.load(std::memory_order_acquire); newest != generation_) {
    std::lock_guard lock(ring.mutex_);
    snapshot_ = ring.snapshot_;
    generation_ = newest;
  }
  return *snapshot_;
}

KeyRing::KeyRing() : snapshot_(std::make_shared<Snapshot>()) {}

void KeyRing::replace(const StoredKeys& stored) {
  auto next = std::make_shared<Snapshot>();
  next->any = !stored.keys.empty();
  next->secret = stored.secret;
  std::unordered_map<std::string, std::shared_ptr<Meter>> meters;
  struct Facts {
    std::shared_ptr<const ClientKey> key;
    const StoredKey* stored;
  };
  std::unordered_map<std::string_view, Facts> keys;
  for (const StoredKey& one : stored.keys) {
    const auto known = meters_.find(one.id);
    std::shared_ptr<Meter> meter = known == meters_.end() ? std::make_shared<Meter>() : known->second;
    meters.emplace(one.id, meter);
    std::vector<net::Cidr> from;
    for (const std::string& text : one.rights.addresses) {
      // What cannot be read lets nobody in.
      from.push_back(net::Cidr::parse(text).value_or(*net::Cidr::parse("255.255.255.255/32")));
    }
    auto key = std::make_shared<ClientKey>(ClientKey{.id = one.id,
                                                     .name = one.name,
                                                     .team = one.team,
                                                     .tags = one.tags,
                                                     .rights = one.rights,
                                                     .from = std::move(from),
                                                     .meter = std::move(meter)});
    keys.emplace(one.id, Facts{std::move(key), &one});
  }
  for (const StoredSecret& secret : stored.secrets) {
    const auto found = keys.find(secret.key_id);
    if (found == keys.end()) continue;
    const StoredKey& of = *found->second.stored;
    next->by_digest.emplace(
        secret.digest,
        Held{.key = found->second.key, .until = earlier(secret.until, of.expires), .revoked = of.revoked.has_value()});
  }
  for (const StoredSigning& one : stored.signing) {
    const auto found = keys.find(one.key_id);
    if (found == keys.end()) continue;
    const StoredKey& of = *found->second.stored;
    Signer& signer = next->signers[one.key_id];
    signer.key = found->second.key;
    signer.expires = of.expires;
    signer.revoked = of.revoked.has_value();
    signer.legacy = of.signing == Signing::kLegacy;
    if (signer.secrets.size() < Signer::kSecretsMax)
      signer.secrets.push_back({.secret = signing_secret(stored.secret, of.id, one.salt), .until = one.until});
  }
  meters_ = std::move(meters);
  std::lock_guard lock(mutex_);
  snapshot_ = std::move(next);
  generation_.fetch_add(1, std::memory_order_release);
}

}  // namespace baton::auth
