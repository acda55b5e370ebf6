// SharedPurges: what operators have taken out, here or at another relay that shares the Redis. There the purges stand
// in a list, numbered; each reply there says how far the relay that stored it had read the list when its call began, so
// that whoever reads it later knows which purges it has to stand up to. A purge that could not be written yet counts
// here already. Life: one for all loops. Thread: any. Bounds: kPurgesKept numbered ones, which is what the list in
// Redis holds: a reply that is older than all of them is not used; kPurgesWaiting that are not written, beyond which
// they become one that takes all.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reuse/shared_codec.h"

namespace baton::reuse {

inline constexpr size_t kPurgesKept = 1000;
inline constexpr size_t kPurgesWaiting = 1000;

class SharedPurges {
 public:
  // How far the list is known.
  PurgePoint point() const;
  // Whether a reply to a call that began at `asked` is still there, as far as is known.
  bool allows(const KeptReply& reply, const PurgePoint& asked) const;

  // The list as it stands at `point`: its newest, the last one last. Gives those that this relay has to carry out yet.
  // What is no purge of ours takes all, since nobody knows what it would have taken. `known_before`: purges at which no
  // reply is left that is kept anywhere.
  std::vector<Chosen> learn(const PurgePoint& point, std::span<const std::string> sealed, const SharedCodec& codec,
                            WallTime known_before);

  // Carried out here; to be told to the others.
  void add(const Selection& what);
  // The oldest that is to be told, as long as there is one.
  struct Waiting {
    uint64_t number = 0;
    Chosen what;
  };
  std::optional<Waiting> waiting() const;
  // That one has been written and is `point`.
  void told(uint64_t number, const PurgePoint& point);
  size_t waiting_count() const;

 private:
  mutable std::mutex mutex_;
  PurgePoint point_;
  std::deque<Chosen> known_;  // up to point_, the newest last
  std::deque<Waiting> waiting_;
  uint64_t numbered_ = 0;
};

}  // namespace baton::reuse
