// RecentKeys: keys that were found lately, so that a caller's next request is known by one comparison instead of three
// SHA-256. Only what the full look-up has accepted comes in; what a key may do and whether it still may is looked at by
// the caller each time.
// Life: a member of an Authenticator; emptied when the stored keys change. Thread: its loop's. Bounds: kKept keys of at
// most kKeyBytesMax, wiped when they go.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/key_ring.h"
#include "base/digest.h"
#include "base/hash.h"
#include "base/secret.h"

namespace baton::auth {

class RecentKeys {
 public:
  static constexpr size_t kKept = 256;

  // What the look-up gave; both borrowed from whoever holds the keys.
  struct Found {
    const std::string* configured = nullptr;
    const KeyRing::Held* held = nullptr;
    bool any() const { return configured != nullptr || held != nullptr; }
  };

  // `seed`: nobody outside knows it, so that nobody can aim at another's place.
  explicit RecentKeys(uint64_t seed) : seed_(seed) {}

  // `generation`: of the stored keys; with another one than before nothing is known any more.
  Found find(std::string_view key, uint64_t generation) {
    if (generation != generation_) forget(generation);
    const Entry& entry = entries_[place(key)];
    return equal_constant_time(entry.key.reveal(), key) ? entry.found : Found{};
  }
  void keep(std::string_view key, const Found& found) { entries_[place(key)] = {Secret(std::string(key)), found}; }

 private:
  struct Entry {
    Secret key;
    Found found;
  };
  size_t place(std::string_view key) const { return hash64(key, seed_) % kKept; }
  void forget(uint64_t generation) {
    entries_.fill({});
    generation_ = generation;
  }

  uint64_t seed_;
  uint64_t generation_ = 0;
  std::array<Entry, kKept> entries_;
};

}  // namespace baton::auth
