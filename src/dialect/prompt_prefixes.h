// read_prompt: where the vendor's prompt cache could hold a beginning of this prompt. The prompt is walked as the
// vendor does, tools, then system, then messages, block by block; each border has the hash of all before it. Hashed are
// the original bytes without cache_control, which moves from turn to turn; a text counts the same as a plain string and
// as a block. Thread: any; pure. Bounds: model::kPrefixesMax prefixes, linear time. Source: the vendor's prompt caching
// page (read 2026-11): order, four marks, look-back of about 20 blocks, and that tool_choice and thinking change the
// messages' part only.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/prompt.h"

namespace baton::dialect {

// Spans of a body that is valid JSON; those that are absent are empty.
struct PromptSpans {
  std::string_view tools;
  std::string_view system;
  std::string_view messages;
  std::string_view tool_choice;
  std::string_view thinking;
  std::string_view cache_control;  // of the whole request: marks the last block
};

// Nothing in it when no block is marked.
model::Prompt read_prompt(const PromptSpans& spans, uint64_t seed);

}  // namespace baton::dialect
