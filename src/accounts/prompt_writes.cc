#include "accounts/prompt_writes.h"

#include <algorithm>

namespace baton::accounts {

void PromptWrites::Lead::begun() {
  if (PromptWrites* of = std::exchange(of_, nullptr)) of->end(prefixes_);
}

PromptWrites::Joined PromptWrites::join(const model::Prompt& prompt, uint32_t from, runtime::Loop& loop) {
  Joined result;
  std::lock_guard lock(mutex_);
  for (auto prefix = prompt.prefixes.rbegin(); prefix != prompt.prefixes.rend() && prefix->tokens > from; ++prefix) {
    if (prefix->mark == model::CacheMark::kNone) continue;
    const auto found = writes_.find(prefix->hash);
    if (found == writes_.end()) continue;
    if (followers_ >= kFollowersMax) return result;
    result.follower = std::make_shared<Follower>();
    result.follower->loop = &loop;
    result.follower->prefix = prefix->hash;
    found->second.push_back(result.follower);
    ++followers_;
    return result;
  }
  for (const model::PromptPrefix& prefix : prompt.prefixes) {
    if (prefix.mark == model::CacheMark::kNone || prefix.tokens <= from || writes_.size() >= kWritesMax) continue;
    writes_.emplace(prefix.hash, Followers{});
    result.lead.prefixes_.push_back(prefix.hash);
  }
  if (!result.lead.prefixes_.empty()) result.lead.of_ = this;
  return result;
}

void PromptWrites::leave(const std::shared_ptr<Follower>& follower) {
  std::lock_guard lock(mutex_);
  const auto found = writes_.find(follower->prefix);
  if (found != writes_.end()) followers_ -= std::erase(found->second, follower);
}

void PromptWrites::end(const std::vector<uint64_t>& prefixes) {
  Followers woken;
  {
    std::lock_guard lock(mutex_);
    for (const uint64_t hash : prefixes) {
      auto found = writes_.find(hash);
      if (found == writes_.end()) continue;
      followers_ -= found->second.size();
      std::ranges::move(found->second, std::back_inserter(woken));
      writes_.erase(found);
    }
  }
  for (auto& follower : woken) {
    runtime::Loop& loop = *follower->loop;
    loop.post([follower = std::move(follower)] {
      follower->woken = true;
      follower->slot.notify();
    });
  }
}

size_t PromptWrites::followers() const {
  std::lock_guard lock(mutex_);
  return followers_;
}

}  // namespace baton::accounts
