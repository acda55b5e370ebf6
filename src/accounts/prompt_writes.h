// PromptWrites: large prefixes that are being written to a prompt cache just now. The vendor can read an entry only
// when the answer that writes it has begun; until then every further call pays for writing it again. So the first is
// the leader, and others with the same prefix wait a moment for its first byte. Life: a member of the AccountPool.
// Thread: any; a follower is woken on its own loop. Bounds: kWritesMax prefixes, kFollowersMax waiting calls; beyond
// them a call goes at once. Source: our own.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/prompt.h"
#include "runtime/loop.h"

namespace baton::accounts {

class PromptWrites {
 public:
  static constexpr size_t kWritesMax = 4096;
  static constexpr size_t kFollowersMax = 4096;

  // Being a leader. Going without begun() makes the followers find another one.
  class [[nodiscard]] Lead {
   public:
    Lead() = default;
    Lead(Lead&& other) noexcept { swap(other); }
    Lead& operator=(Lead&& other) noexcept {
      swap(other);
      return *this;
    }
    ~Lead() { begun(); }
    // The answer has begun, or there will be none: who waits looks again.
    void begun();
    explicit operator bool() const { return of_ != nullptr; }

   private:
    friend class PromptWrites;
    void swap(Lead& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(prefixes_, other.prefixes_);
    }
    PromptWrites* of_ = nullptr;
    std::vector<uint64_t> prefixes_;
  };

  // A place among those who wait. `slot` is notified when the leader's answer has begun, or it has failed.
  struct Follower {
    runtime::Loop* loop = nullptr;
    uint64_t prefix = 0;
    runtime::Slot slot;
    bool woken = false;  // seen from its own loop
  };
  // What a call is to do: to wait when there is a follower, else to go; as a leader, when there is a lead.
  struct Joined {
    Lead lead;
    std::shared_ptr<Follower> follower;
  };
  // `from`: marked prefixes of more tokens matter, the others are cached or too short.
  Joined join(const model::Prompt& prompt, uint32_t from, runtime::Loop& loop);
  void leave(const std::shared_ptr<Follower>& follower);
  size_t followers() const;

 private:
  using Followers = std::vector<std::shared_ptr<Follower>>;
  void end(const std::vector<uint64_t>& prefixes);

  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Followers> writes_;
  size_t followers_ = 0;
};

}  // namespace baton::accounts
