// KeyStore: the keys made at run time, in <data_dir>/keys.db, with the secret of their digests beside it in
// keys.secret. A key is shown once, when it is made; what stays is its keyed digest, or for one that signs what its
// secret is derived with, and its first characters. Several
// processes may have the store open: `baton keys` changes it, a relay watches it. Life: made in app/. Thread: one at a
// time, and never a loop's: it waits for the disk. Bounds: kKeysMax keys. Both files have mode 0600. Without
// keys.secret no stored key can be recognised: keep them together.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/key_ring.h"
#include "base/error.h"
#include "base/secret.h"
#include "store/database.h"

namespace baton::auth {

inline constexpr size_t kKeysMax = 100'000;
inline constexpr std::string_view kKeyPrefix = "bk-";
inline constexpr size_t kShownBytes = 11;  // of a key: its prefix and 8 of 48 random characters

struct NewKey {
  std::string name;  // checked by who asks the person; unlike that of every key that is not revoked
  std::string team = {};
  std::string tags = {};
  Rights rights = {};
  Signing signing = Signing::kNone;
  std::optional<WallTime> expires = {};
};

// A key that was just made: the only time that it can be read.
struct MadeKey {
  StoredKey stored;
  Secret key;
};

class KeyStore {
 public:
  // Opens or makes the files in `folder`. kStore says what is wrong.
  static Expected<KeyStore> open(const std::string& folder);
  // Whether there is a store in the folder at all.
  static bool exists(const std::string& folder);

  // kConfig: the name is taken, or there are kKeysMax keys.
  Expected<MadeKey> create(const NewKey& wanted, WallTime now);
  // A key of which only its SHA-256 is known, so that its holder goes on using it. kConfig also: it is known already.
  Expected<StoredKey> import(const NewKey& wanted, const Sha256& plain, WallTime now);
  // Changes team, tags, rights and expiry of the key in use that is called so; what else `edit` does is not kept. The
  // secret stays. No other change can come between. kNotFound.
  Expected<StoredKey> update(std::string_view name, const std::function<void(StoredKey&)>& edit);
  // What a team may spend, in the place of what the configuration says; one without limits takes it away again.
  Expected<void> set_team_budget(std::string_view team, const model::Budget& budget);
  // Another secret for the key; the one before stays valid for `grace`. kNotFound: no such key.
  Expected<MadeKey> rotate(std::string_view name, Duration grace, WallTime now);
  // kNotFound: no such key, or it is revoked already.
  Expected<void> revoke(std::string_view name, WallTime now);
  // All of it; keys in the order in which they were made.
  Expected<StoredKeys> read();
  // The key in use that is called so. kNotFound.
  Expected<StoredKey> find(std::string_view name);
  // Whether another connection has changed something since the last call; the first says yes.
  Expected<bool> changed();

 private:
  Expected<void> change(const StoredKey& key);
  KeyStore(store::Database database, std::string folder, DigestSecret secret);
  // Of a key that signs: what it is derived with.
  Secret add_signing_to(StoredKey& key, std::string& failure, WallTime now);
  Expected<Secret> add(StoredKey& key, const Sha256* plain, WallTime now);
  Expected<MadeKey> make(const NewKey& wanted, const Sha256* plain, WallTime now);
  Secret add_secret_to(StoredKey& key, std::string& failure, WallTime now);

  store::Database database_;
  std::string folder_;
  DigestSecret secret_;
  int64_t version_ = -1;
};

}  // namespace baton::auth
