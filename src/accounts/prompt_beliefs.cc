#include "accounts/prompt_beliefs.h"

#include <algorithm>

namespace baton::accounts {

void PromptBeliefs::match(const model::Prompt& prompt, std::span<uint32_t> matched, Instant now) {
  std::ranges::fill(matched, 0);
  size_t open = matched.size();
  for (auto prefix = prompt.prefixes.rbegin(); prefix != prompt.prefixes.rend() && open > 0; ++prefix) {
    Stripe& in = stripe(prefix->hash);
    std::lock_guard lock(in.mutex);
    const auto found = in.by_hash.find(prefix->hash);
    if (found == in.by_hash.end()) continue;
    for (const Place& place : found->second->places) {
      if (place.until <= now || place.domain >= matched.size() || matched[place.domain] != 0) continue;
      matched[place.domain] = prefix->tokens;
      --open;
    }
  }
}

void PromptBeliefs::hold(uint64_t hash, Place place) {
  Stripe& in = stripe(hash);
  std::lock_guard lock(in.mutex);
  auto found = in.by_hash.find(hash);
  if (found == in.by_hash.end()) {
    if (in.by_hash.size() >= std::max<size_t>(1, options_.prefixes_max / kStripes)) {
      in.by_hash.erase(in.order.back().hash);
      in.order.pop_back();
    } else {
      size_.fetch_add(1, std::memory_order_relaxed);
    }
    in.order.push_front({hash, {}});
    found = in.by_hash.emplace(hash, in.order.begin()).first;
  } else {
    in.order.splice(in.order.begin(), in.order, found->second);
  }
  auto& places = found->second->places;
  const auto known = std::ranges::find(places, place.domain, &Place::domain);
  if (known != places.end()) {
    const Instant until = std::max(known->until, place.until);
    *known = {place.domain, known->lasting || place.lasting, until};
  } else if (places.size() < kPlacesMax) {
    places.push_back(place);
  } else {
    *std::ranges::min_element(places, {}, &Place::until) = place;
  }
}

void PromptBeliefs::refresh(uint64_t hash, CacheDomain domain, Instant begun) {
  Stripe& in = stripe(hash);
  std::lock_guard lock(in.mutex);
  const auto found = in.by_hash.find(hash);
  if (found == in.by_hash.end()) return;
  for (Place& place : found->second->places) {
    if (place.domain != domain || place.until <= begun) continue;
    place.until = std::max(place.until, begun + ttl(place.lasting));
    in.order.splice(in.order.begin(), in.order, found->second);
  }
}

void PromptBeliefs::forget(uint64_t hash, CacheDomain domain) {
  Stripe& in = stripe(hash);
  std::lock_guard lock(in.mutex);
  const auto found = in.by_hash.find(hash);
  if (found == in.by_hash.end()) return;
  auto& places = found->second->places;
  std::erase_if(places, [&](const Place& place) { return place.domain == domain; });
  if (!places.empty()) return;
  in.order.erase(found->second);
  in.by_hash.erase(found);
  size_.fetch_sub(1, std::memory_order_relaxed);
}

void PromptBeliefs::written(const model::Prompt& prompt, CacheDomain domain, uint32_t tokens_min, Instant begun) {
  for (const model::PromptPrefix& prefix : prompt.prefixes) {
    if (prefix.mark == model::CacheMark::kNone) {
      refresh(prefix.hash, domain, begun);
    } else if (prefix.tokens >= tokens_min) {
      const bool lasting = prefix.mark == model::CacheMark::k1h;
      hold(prefix.hash, {domain, lasting, begun + ttl(lasting)});
    }
  }
}

void PromptBeliefs::correct(const model::Prompt& prompt, CacheDomain domain, uint32_t cached_tokens) {
  for (const model::PromptPrefix& prefix : prompt.prefixes) {
    if (prefix.tokens > cached_tokens) forget(prefix.hash, domain);
  }
}

void PromptBeliefs::follow(const PromptBeliefs& before, std::span<const std::optional<CacheDomain>> domains,
                           Instant now) {
  for (const Stripe& from : before.stripes_) {
    std::lock_guard lock(from.mutex);
    // The latest last, so that they come first here.
    for (auto entry = from.order.rbegin(); entry != from.order.rend(); ++entry) {
      for (const Place& place : entry->places) {
        if (place.until > now && place.domain < domains.size() && domains[place.domain])
          hold(entry->hash, {*domains[place.domain], place.lasting, place.until});
      }
    }
  }
}

}  // namespace baton::accounts
