// SharedReplies: replies that several relays share in Redis, and whose turn it is to make a call that several of them
// are asked for. Behind memory and disk: asked only for what is not there, stored to after every reply that is kept.
// Redis is never waited for beyond SharedConfig.timeout, and while it is away all of this is as if it were not there.
// Only replies within their time lie there; what is given out beyond it is each relay's own.
// Life: one per loop, made in app/; run() is spawned once and ends after stop(). Thread: its loop's. Bounds: those of
// RedisLink; kLeasesMax at once, beyond which calls do not wait for one another.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "metrics/relay_metrics.h"
#include "reuse/config.h"
#include "reuse/digest.h"
#include "reuse/reply_store.h"
#include "reuse/shared_codec.h"
#include "reuse/shared_purges.h"
#include "runtime/cancel.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "store/redis_link.h"

namespace baton::reuse {

inline constexpr size_t kLeasesMax = 4096;

class SharedReplies {
 public:
  // How long a relay that has died is waited for; who lives renews its leases with every round.
  static constexpr Duration kLeaseTime = std::chrono::seconds(3);
  static constexpr Duration kRound = std::chrono::milliseconds(500);

  struct Parts {
    runtime::Loop& loop;
    runtime::Random& random;
    store::RedisLink& link;
    const SharedCodec& codec;
    SharedPurges& purges;
    const SharedConfig& config;
    size_t content_bytes_max;  // of a reply
    Duration life_max;         // of a reply anywhere, from its call's begin
    metrics::RedisCounts& counts;
    // Carries out purges of other relays here; does not wait for it.
    std::function<void(std::vector<Chosen>)> carry_out;
    bool tells_purges = true;  // one loop does
  };
  explicit SharedReplies(Parts parts) : parts_(std::move(parts)) {}
  ~SharedReplies();
  SharedReplies(const SharedReplies&) = delete;
  SharedReplies& operator=(const SharedReplies&) = delete;

  // Renews leases; tells and learns purges.
  runtime::Task<void> run();
  void stop() { stop_.cancel(runtime::CancelReason::kDrain); }

  bool up() const { return parts_.link.up() && parts_.purges.point().epoch != 0; }
  const SharedConfig& config() const { return parts_.config; }
  metrics::RedisCounts& counts() const { return parts_.counts; }
  // For the call that begins now.
  PurgePoint point() const { return parts_.purges.point(); }

  // The reply to exactly this question within its time, or null.
  runtime::Task<std::shared_ptr<const KeptReply>> find(Digest digest);
  // For the others. `asked`: point() when its call began.
  void store(const KeptReply& reply, const PurgePoint& asked);

  // The right to make a call, as long as it lives; others wait meanwhile. Given back in the order of what was stored
  // before, so that whoever waited finds it.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }
    void release();
    bool held() const { return owner_ != nullptr; }

   private:
    friend class SharedReplies;
    SharedReplies* owner_ = nullptr;
    std::string name_, token_;
    Lease* next_ = nullptr;
    Lease* previous_ = nullptr;
  };
  struct Turn {
    enum class Whose : uint8_t {
      kOwn,     // the call is this one's to make, with `lease`
      kThere,   // it has been made: `reply`
      kOther,   // another relay is at it
      kNobody,  // Redis does not say
    };
    Whose whose = Whose::kNobody;
    Lease lease = {};
    std::shared_ptr<const KeptReply> reply = {};
  };
  // `look`: a reply that is there will do.
  runtime::Task<Turn> take_turn(Digest digest, bool stream, bool look);

  size_t leases() const { return leases_; }

 private:
  runtime::Task<std::shared_ptr<const KeptReply>> read(Digest digest, std::string sealed, std::string point,
                                                       Instant until);
  runtime::Task<bool> learn(Instant until);
  runtime::Task<void> tell_purges();
  void link_in(Lease& lease);
  void link_out(Lease& lease);
  Instant soon() const { return parts_.loop.now() + parts_.config.timeout; }
  std::string random_hex();

  Parts parts_;
  runtime::Cancellation stop_;
  Lease* first_ = nullptr;
  size_t leases_ = 0;
  PurgePoint seen_;  // last, on this connection
};

// What Redis runs; a stand-in knows them by these texts.
namespace scripts {
extern const std::string_view kTakeTurn;
extern const std::string_view kRenewLease;
extern const std::string_view kEndLease;
extern const std::string_view kReadPurges;
extern const std::string_view kAddPurge;
extern const std::string_view kForgetPurges;
}  // namespace scripts

}  // namespace baton::reuse
