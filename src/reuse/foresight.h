// Foresight: which kept replies are asked for so steadily that they are worth asking for anew before their time is
// over, at their last use before it. Only a reply that is used some kUsesInTimeMin times in its time, so that little of
// it is lost; and only within a share of what calls that may be reused cost, which grows with each such reply that was
// used after the old one's time and halves with each that was not.
// And which questions are asked in a rhythm (rhythm.h) that is slower than replies live: each hour, each day at nine.
// They are asked anew a little before they are expected, within the same share.
// Life: one for all loops. Thread: any. Bounds: kForeseenMax replies, those used longest ago in a place give way;
// kAheadMax that are ahead and not judged yet; kRhythmsMax questions whose rhythm is looked for, of two in one place
// the one that was asked more often stays for a while.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "base/adaptive_purse.h"
#include "base/units.h"
#include "cache/key.h"
#include "reuse/rhythm.h"

namespace baton::reuse {

inline constexpr size_t kForeseenMax = 64 * 1024;
inline constexpr size_t kAheadMax = 4096;
inline constexpr size_t kRhythmsMax = 32 * 1024;
// A question is not expected from farther away.
inline constexpr Duration kRhythmGapMax = std::chrono::hours(26);
inline constexpr double kUsesInTimeMin = 8;
inline constexpr uint32_t kGapsMin = 3;

class Foresight {
 public:
  // `share_max`: of what is spent. 0: nothing is asked for ahead.
  explicit Foresight(double share_max);
  bool enabled() const { return share_max_ > 0; }

  struct Use {
    Instant now;
    Instant since, fresh_until;  // of the reply that is used
    int64_t cost = 0;            // nanodollars, of asking anew; 0: not known
  };
  struct Advice {
    bool ask = false;                 // anew, now
    bool no_money = false;            // it would be, but for the budget
    uint32_t useful = 0, wasted = 0;  // earlier ones that were judged meanwhile
  };
  Advice used(const cache::Key& key, const Use& use);
  // A call that may be reused has cost so much, and asked this.
  void spent(int64_t nanodollars, const cache::Key& key);

  // When a question that comes round is to be asked ahead, whose reply lives for `ttl`. Each time it is asked.
  struct Plan {
    cache::Key key;
    Instant asked;  // last
    Instant at;     // to ask then
    Duration ttl{0};
  };
  std::optional<Plan> asked(const cache::Key& key, Instant now, Duration ttl);
  // That time has come. Not `ask` also where it was asked since the plan was made.
  Advice due(const Plan& plan, Instant now);

  double share() const;

 private:
  struct Round {
    cache::Key key;
    Rhythm rhythm;
    int64_t cost = 0;
    uint8_t stays = 0;  // others that came to its place before it gives way
    bool ahead = false;
    Instant until;  // of the reply that was asked for ahead
  };
  Round& round_of(const cache::Key& key) { return rounds_[key.low % rounds_.size()]; }
  void look_back(Instant now, Advice& advice);
  struct Entry {
    cache::Key key;
    Instant last;
    double gap_s = 0;  // moving averages of the time between uses, and of how far they are off it
    double off_s = 0;
    uint32_t gaps = 0;
    bool ahead = false;        // asked for anew; it is useful when it is used after `old_end`
    Instant old_end, new_end;  // of the replies' times
  };
  struct Ahead {
    cache::Key key;
    Instant until;  // when the new reply's time is over
  };
  Entry& of(const cache::Key& key) { return entries_[key.low % entries_.size()]; }
  void judge(bool useful, Advice& advice);

  const double share_max_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::vector<Round> rounds_;
  std::deque<Ahead> ahead_;
  std::deque<Ahead> rounds_ahead_;
  AdaptivePurse purse_;
  Advice unsaid_;  // what was judged where nobody could be told
};

}  // namespace baton::reuse
