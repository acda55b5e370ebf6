// PromptWarmth: which prompts come back after their entry in a vendor's prompt cache has run out, and what follows: one
// whose chance is good is worth asking for once more before that, which costs a tenth of its input and gives the entry
// another life; one that hardly ever comes back is not worth writing. The first is done within an AdaptivePurse; of the
// second is only counted what it would have saved and lost.
// A prompt comes back when a later one begins with it. Only the longest cached beginning of each is followed.
// Life: one for all loops. Thread: any. Bounds: kFollowedMax prompts, of two in one place the newer stays; each for
// ReturnTable::kLives of its lives. Source: the vendor's prices for prompt caching (read 2026-11): an entry costs a
// quarter (of an hour: once) more to write than fresh input, a tenth to read, and lives anew when it is read.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "accounts/config.h"
#include "accounts/return_table.h"
#include "base/adaptive_purse.h"
#include "base/units.h"
#include "model/prompt.h"

namespace baton::accounts {

inline constexpr size_t kFollowedMax = 32 * 1024;

class PromptWarmth {
 public:
  struct Options {
    WarmthConfig config;
    Duration short_ttl = std::chrono::minutes(5);
    Duration long_ttl = std::chrono::hours(1);
  };
  explicit PromptWarmth(const Options& options);
  bool warms() const { return purse_.enabled(); }

  // A call whose prompt is in a cache now; amounts in nanodollars, 0 where the price is not known.
  struct Use {
    uint64_t tenant = 0;
    Instant begun;         // its answer: from then on
    int64_t cost = 0;      // of the call
    int64_t again = 0;     // to ask for it once more
    int64_t saved = 0;     // what a call saves that finds it there
    int64_t premium = 0;   // what was written now cost so much more than fresh input
    int64_t discount = 0;  // and reading that once costs so much less
  };
  // What became of things since the last look.
  struct News {
    uint32_t useful = 0, wasted = 0;  // prompts that were kept warm
    int64_t saved = 0;                // by the useful ones
    // Writes that the gate would have let be, or not, by whether they were read in time; and the money.
    uint32_t left_read = 0, left_unread = 0, written_read = 0, written_unread = 0;
    int64_t gate_saved = 0, gate_lost = 0;
  };
  // When to look again whether it has come back. None: it is not worth it.
  struct Ticket {
    uint64_t key = 0;
    uint32_t turn = 0;
    Instant due;
    explicit operator bool() const { return key != 0; }
  };
  Ticket used(const model::Prompt& prompt, const Use& use, News& news);
  // Whether a ticket may come of it, before its price is known.
  bool may_pay(const model::Prompt& prompt, uint64_t tenant) const;

  // kGone: it came back, or is no longer followed. kAsk: now; `again` is taken from the purse.
  enum class Next : uint8_t { kGone, kAsk, kNoMoney };
  Next due(const Ticket& ticket, Instant now);
  // It was asked for; what that cost, and whether the entry was still there and lives anew.
  struct Asked {
    Instant begun;
    int64_t cost = 0;
    bool held = false;
  };
  Ticket asked(const Ticket& ticket, const Asked& asked);

  double share() const;
  Duration life(bool lasting) const { return lasting ? options_.long_ttl : options_.short_ttl; }

 private:
  struct Entry {
    uint64_t key = 0;
    uint32_t turn = 0;
    bool followed = false;
    bool lasting = false;
    uint64_t tenant = 0;
    uint32_t uses = 0;
    uint32_t asked = 0;
    Instant last;        // its last use by a caller
    Instant held_until;  // as far as it was asked for
    int64_t again = 0, saved = 0, spent = 0;
    int64_t premium = 0, discount = 0;
    bool left = false;  // the gate would not have written it
    ReturnTable::Kind kind() const { return {tenant, uses, lasting}; }
  };
  struct Last {
    Instant at;
    uint64_t key;
    uint32_t turn;
  };
  Entry& of(uint64_t key) { return entries_[key % entries_.size()]; }
  const Entry& of(uint64_t key) const { return entries_[key % entries_.size()]; }
  const Entry* find(const model::Prompt& prompt) const;
  Ticket ticket(const Entry& entry, Instant from) const;
  bool gate_leaves(const Entry& entry) const;
  void returned(Entry& entry, Instant now, News& news);
  void stayed_away(Entry& entry, News& news);
  void judge_gate(const Entry& entry, bool read, News& news);
  void judge(const Entry& entry, bool useful, News& news);
  void retire(Instant now, News& news);

  const Options options_;
  const bool gate_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::array<std::deque<Last>, 2> lasts_;  // by how long entries live, the earliest first
  ReturnTable table_;
  AdaptivePurse purse_;
  double net_ = 0;  // nanodollars that keeping warm has earned of late
  uint32_t turn_ = 0;
};

}  // namespace baton::accounts
