// NonceStore: the seam behind which the nonces of signed requests are remembered, so that each counts once.
// nonce_file.h is the one of a single host, nonce_database.h the one that several hosts share. Life: made in
// app/, outlives the relays. Thread: any. Bounds: the store's own.
#pragma once

#include <array>
#include <cstdint>

#include "auth/config.h"
#include "base/error.h"
#include "base/units.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::auth {

// Of a nonce and the key that it was used with: the first 16 bytes of a SHA-256.
using NonceMark = std::array<uint8_t, 16>;

class NonceStore {
 public:
  virtual ~NonceStore() = default;
  // Takes the mark, once, until kSignatureWindow after `signed_at`. kUnauthenticated: it was taken before, or cannot be
  // told from one that was; kOverloaded: no room; kStore: it cannot be kept. Each but the first has a sentence for the
  // client.
  virtual runtime::Task<Expected<void>> claim(runtime::Loop& loop, NonceMark mark, WallTime signed_at,
                                              WallTime now) = 0;
};

}  // namespace baton::auth
