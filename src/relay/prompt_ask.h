// What the pool must know of a call's prompt, when only that is asked. Borrows the call.
#pragma once

#include "accounts/pool.h"
#include "base/hash.h"
#include "relay/call.h"

namespace baton::relay {

// Its prompt is null where nothing could be cached, or prompts are not looked at.
inline accounts::Ask prompt_ask(const accounts::AccountPool& pool, const Call& call) {
  if (!pool.reads_prompts() || !call.facts.prompt.cacheable()) return {};
  return {.model = hash64(call.facts.model),
          .prompt = &call.facts.prompt,
          .cache_tokens_min = accounts::cache_tokens_min(call.facts.model)};
}

}  // namespace baton::relay
