// ReplyStore: complete, good replies of Messages calls, to answer the same question of the same tenant again. What may
// be kept at all is decided here (worth_keeping); who may ask for it in rules.h. A reply is kept as it came, events or
// one Message, and given out in either form. Life: one for all loops, made by the app. Thread: any. Bounds:
// Config.bytes_max of real bytes, each entry for Config.ttl less up to a tenth, and for Config.stale_max more for those
// who take it stale; entries above Config.entry_bytes_max,
// or above a sixteenth of their stripe, are not kept. Bodies over kPackFromBytes are packed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/units.h"
#include "cache/striped.h"
#include "model/usage.h"
#include "reuse/config.h"
#include "reuse/digest.h"

namespace baton::reuse {

inline constexpr size_t kPackFromBytes = 4 * kKiB;

struct KeptReply {
  Sha256 identity{};
  cache::Key key;
  bool events = false;  // an event stream; otherwise one Message
  bool packed = false;
  std::string content;
  model::Usage usage;  // of the call that was answered
  size_t plain_bytes = 0;
  std::string request_id;  // that the vendor gave the call which was answered
  std::string tenant;      // whose it is
  std::string tags;        // of the call, "env=ci,search"
  Instant since;
  Instant fresh_until;  // beyond it, only for who says that it may be stale

  // Whether it is to be asked for anew by who calls, and by nobody else until end_refresh().
  bool claim_refresh(Instant now) const {
    int64_t due = refresh_due_ns.load(std::memory_order_relaxed);
    return due <= now.ns &&
           refresh_due_ns.compare_exchange_strong(due, std::numeric_limits<int64_t>::max(), std::memory_order_relaxed);
  }
  // Not again before `due`; where it was replaced meanwhile nobody looks.
  void end_refresh(Instant due) const { refresh_due_ns.store(due.ns, std::memory_order_relaxed); }

 private:
  mutable std::atomic<int64_t> refresh_due_ns{0};
};

// A reply that came to its good end.
struct Finished {
  std::string_view content;
  bool events = false;
  std::string_view stop_reason;
  std::string_view request_id;
  model::Usage usage;
  std::string_view tenant = {};
  std::string_view tags = {};
  uint64_t purges = 0;  // ReplyStore::purges() when its call began
};

// Which kept replies are to go: all, or those for which everything that is named here holds.
struct Selection {
  bool all = false;
  std::string_view tenant = {};
  std::string_view tag = {};  // one of the tags, as it is written
  std::string_view key = {};  // key_text() of the question
  bool empty() const { return !all && tenant.empty() && tag.empty() && key.empty(); }
};

// The same with texts of its own.
struct Chosen {
  Chosen() = default;
  explicit Chosen(const Selection& what) : all(what.all), tenant(what.tenant), tag(what.tag), key(what.key) {}
  bool all = false;
  std::string tenant, tag, key;
  Selection selection() const { return {.all = all, .tenant = tenant, .tag = tag, .key = key}; }
  friend bool operator==(const Chosen&, const Chosen&) = default;
};

class ReplyLog;

// Whether a reply is among those that are selected; an empty selection selects none.
bool selects(const Selection& what, const KeptReply& reply);

// The name of a question as callers and operators see it: 32 hex digits, good as long as the process lives.
std::string key_text(const cache::Key& key);

// Whether a reply says all that there was to say: the model ended by itself. Refusals, pauses and what was cut by a
// limit are not kept, nor is what Baton does not know.
bool worth_keeping(std::string_view stop_reason);

class ReplyStore {
 public:
  // `secret` decides where things lie; random in a process. The policy's name has been checked.
  ReplyStore(const Config& config, const std::array<uint8_t, 32>& secret);

  // The reply to exactly this question, or null. `change` says what had expired. `stale`: also one that ended at most
  // so long ago, as far as such are held.
  std::shared_ptr<const KeptReply> find(const Digest& digest, Instant now, cache::Change& change,
                                        Duration stale = Duration{0});
  // Stored or not, as `Change.stored` says. An answer whose call began before something was purged is not stored.
  struct Kept : cache::Change {
    std::shared_ptr<const KeptReply> reply;  // when it was stored
  };
  Kept keep(const Digest& digest, const Finished& reply, Instant now);

  // What is kept is written there as well, from now on; what is purged goes there too. Outlives this.
  void use(ReplyLog& log) { log_ = &log; }
  // A reply that another relay of the same secret has kept; `purges` as in Finished. Not written to the disk.
  cache::Change adopt(std::shared_ptr<const KeptReply> reply, uint64_t purges, Instant now);
  // A reply that was kept before a restart; false when its time is over.
  bool restore(std::shared_ptr<KeptReply> reply, Instant now);
  cache::Change take_restored() { return std::exchange(restored_, {}); }

  // Takes them out; `entries` and `bytes` of what it gives are negative. An empty selection takes nothing. Looks at
  // every entry.
  cache::Change purge(const Selection& what);
  uint64_t purges() const { return purges_.load(std::memory_order_acquire); }

  uint64_t bytes() const { return kept_.bytes(); }
  // The largest content that keep() could take.
  size_t content_bytes_max() const { return content_bytes_max_; }
  const std::array<uint8_t, 32>& secret() const { return secret_; }
  const Config& config() const { return config_; }

 private:
  cache::Change put(const std::shared_ptr<const KeptReply>& reply, Instant expires, Instant now);
  // The same, unless a purge came since there were `purges`.
  cache::Change put_unpurged(const std::shared_ptr<const KeptReply>& reply, uint64_t purges, Instant now);

  Config config_;
  std::array<uint8_t, 32> secret_;
  cache::Striped<std::shared_ptr<const KeptReply>> kept_;
  size_t content_bytes_max_;
  std::atomic<uint64_t> purges_{0};
  ReplyLog* log_ = nullptr;
  cache::Change restored_;  // before the loops
};

// The content in the form that is wanted, or nothing when it is broken or has no such form (a delta that Baton does not
// know).
std::optional<std::string> content_as(const KeptReply& reply, bool events);

}  // namespace baton::reuse
