// IdBindings: which account made a batch or a file, remembered across restarts, since only that account can fetch it
// again. A store that is down (disk full, read-only, locked) never stops the relay: bindings then live in memory,
// every later bind tries to save them all, and trouble() says what is wrong. A corrupt file is moved aside, said once,
// and a new one begun.
// Life: made in app/, outlives the loops. Thread: any (one mutex; a bind is one SQLite transaction in WAL, which waits
// for the disk only once in about a thousand; a look-up is usually in memory).
// Bounds: store::Config: bindings beyond object_ids_max or object_age_max without use are forgotten, those used
// longest ago first. Survives a crash of the process; after a power cut the last seconds may be missing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "metrics/log.h"
#include "runtime/clock.h"
#include "store/config.h"

namespace baton::store {

enum class ObjectKind : uint8_t { kBatch = 1, kFile = 2 };

class IdBindings {
 public:
  // Never fails: without a usable file it begins in memory and keeps trying. Borrows clock and log.
  IdBindings(const Config& config, const runtime::Clock& clock, metrics::Log& log);
  ~IdBindings();
  IdBindings(const IdBindings&) = delete;
  IdBindings& operator=(const IdBindings&) = delete;

  // Binds the id to the account, replacing an earlier binding. kStore: not saved yet (it is known until the process
  // ends, and saved by a later call if the store recovers). kBadReply: an empty id or account, or one longer than
  // kTextBytesMax.
  Expected<void> bind(std::string_view object_id, std::string_view account, ObjectKind kind);
  // The account's name, or nothing when the id is not known. kStore: the store cannot be read and memory does not know.
  Expected<std::optional<std::string>> account_of(std::string_view object_id);
  // The object is gone at the vendor. Forgetting what is not known is fine.
  Expected<void> forget(std::string_view object_id);

  // What keeps bindings from being durable, one line; empty when all is well.
  std::string trouble() const;

  static constexpr size_t kTextBytesMax = 256;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace baton::store
