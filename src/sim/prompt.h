// Prompt: what a request puts in front of the model, in the order that the prompt cache sees it (tools, system,
// messages), with a token estimate that counting, billing, limits and the cache all share. The estimate: a quarter of
// the bytes, rounded up per block, 3 tokens per message, 1,500 per image. It does not depend on cache_control, on
// blanks in the JSON or on whether a text came as a string or as a block. Life: spans into the request body. Thread:
// any. Bounds: one unit per block; linear time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/api_error.h"
#include "sim/params.h"

namespace baton::sim {

inline constexpr uint32_t kTokensPerMessage = 3;
inline constexpr uint32_t kTokensPerImage = 1'500;
inline constexpr size_t kMessagesMax = 100'000;
inline constexpr size_t kBreakpointsMax = 4;

// A tool, a system block or a message block.
struct PromptUnit {
  uint64_t hash = 0;
  uint32_t tokens = 0;
  Ttl breakpoint = Ttl::kNone;
};

struct Prompt {
  uint64_t tokens = 0;              // of all units
  std::vector<PromptUnit> units;    // only when the cache has work to do
  size_t message_units_from = 0;    // index of the first unit of the messages
  uint64_t message_mode = 0;        // what invalidates the messages' part only: tool_choice, thinking, images
  bool cached = false;              // there is a breakpoint
  std::string_view last_user_text;  // span of the last text in the last turn of the user, quotes included
  bool answers_tool = false;        // that turn holds a tool_result
};

// 400 for what the API refuses: no messages, wrong roles, empty content, more than four breakpoints, a longer TTL
// behind a shorter. `with_units`: hash and keep the blocks; without it a breakpoint is not looked for.
Answered<Prompt> read_prompt(const MessageParams& params, ApiVersion version, bool with_units);

}  // namespace baton::sim
