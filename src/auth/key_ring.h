// KeyRing: the keys that were made at run time, in memory, as every loop looks them up. It is replaced whole when the
// stored ones have changed (key_store.h); a loop notices by a number and takes the new one over.
// Life: one per process, outlives the loops. Thread: any; a View belongs to one loop. Bounds: those of key_store.h; a
// look-up is two SHA-256 and one probe, and waits for nobody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/client_key.h"
#include "base/digest.h"
#include "base/secret.h"
#include "base/units.h"

namespace baton::auth {

// What digests of keys are made with. Without it a stolen list of digests is of no use to try guesses on.
using DigestSecret = std::array<uint8_t, 32>;

// SHA-256 over the secret and the key's own SHA-256. Both have a fixed length, so nothing can be appended or shifted.
Sha256 keyed_digest(const DigestSecret& secret, std::string_view key);
// The same for a key of which only its own SHA-256 is known.
Sha256 keyed_digest_of(const DigestSecret& secret, const Sha256& plain);

// The secret that a key signs requests with. It is derived whenever it is needed and stored nowhere.
using SigningSalt = std::array<uint8_t, 16>;
Secret signing_secret(const DigestSecret& secret, std::string_view key_id, const SigningSalt& salt);

// How a key may be used: carried, or only to sign with; kLegacy: also in the older form, which binds less.
enum class Signing : uint8_t { kNone, kOnly, kLegacy };

// One secret of a key, as stored. A key that was rotated has two for a while.
struct StoredSecret {
  Sha256 digest;
  std::string key_id;
  std::optional<WallTime> until;  // when it stops being valid
};

// One secret of a key that signs: what it is derived with.
struct StoredSigning {
  SigningSalt salt{};
  std::string key_id;
  std::optional<WallTime> until;
};

struct StoredKey {
  std::string id;
  std::string name;
  std::string team;
  std::string tags;
  std::string shown;  // the first characters of its newest secret
  Rights rights;
  Signing signing = Signing::kNone;
  WallTime created;
  std::optional<WallTime> expires;
  std::optional<WallTime> revoked;
};

using TeamBudgets = std::map<std::string, model::Budget, std::less<>>;

struct StoredKeys {
  DigestSecret secret{};
  std::vector<StoredKey> keys;
  std::vector<StoredSecret> secrets;
  std::vector<StoredSigning> signing;  // the newest first
  TeamBudgets team_budgets;            // over those of the configuration
};

class KeyRing {
 public:
  struct Held {
    std::shared_ptr<const ClientKey> key;
    std::optional<WallTime> until;
    bool revoked = false;
  };
  // A key that signs.
  struct Signer {
    struct Current {
      Secret secret;
      std::optional<WallTime> until;
    };
    static constexpr size_t kSecretsMax = 4;  // of those that were rotated, the newest
    std::shared_ptr<const ClientKey> key;
    std::vector<Current> secrets;
    std::optional<WallTime> expires;
    bool revoked = false;
    bool legacy = false;
  };
  struct Snapshot {
    bool any = false;  // a key was ever made: from then on nobody calls without one
    DigestSecret secret{};
    struct FirstBytes {
      size_t operator()(const Sha256& digest) const;
    };
    std::unordered_map<Sha256, Held, FirstBytes> by_digest;

    std::map<std::string, Signer, std::less<>> signers;  // by key id

    // Of a key of at most kKeyBytesMax. Confirmed in constant time.
    const Held* find(std::string_view key) const;
  };
  // A loop's own hold on the newest snapshot.
  class View {
   public:
    // Valid until the next call.
    const Snapshot& of(const KeyRing& ring);
    // Changes with what of() gives.
    uint64_t generation() const { return generation_; }

   private:
    uint64_t generation_ = 0;
    std::shared_ptr<const Snapshot> snapshot_;
  };

  KeyRing();
  // Meters of keys that stay go on counting.
  void replace(const StoredKeys& stored);

 private:
  std::atomic<uint64_t> generation_{1};
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::unordered_map<std::string, std::shared_ptr<Meter>> meters_;  // by id
};

}  // namespace baton::auth
