// Foresight: which kept replies are asked for so steadily that they are worth asking for anew before their time is
// over, at their last use before it. Only a reply that is used some kUsesInTimeMin times in its time, so that little of
// it is lost; and only within a share of what calls that may be reused cost, which grows with each such reply that was
// used after the old one's time and halves with each that was not.
// Life: one for all loops. Thread: any. Bounds: kForeseenMax replies, those used longest ago in a place give way;
// kAheadMax that are ahead and not judged yet.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "base/units.h"
#include "cache/key.h"

namespace baton::reuse {

inline constexpr size_t kForeseenMax = 64 * 1024;
inline constexpr size_t kAheadMax = 4096;
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
  // A call that may be reused has cost so much.
  void spent(int64_t nanodollars);

  double share() const;

 private:
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
  std::deque<Ahead> ahead_;
  double share_;
  double purse_ = 0;  // nanodollars
};

}  // namespace baton::reuse
