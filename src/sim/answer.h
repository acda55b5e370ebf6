// Answer: what the simulated model says to one request, decided before the first byte: parts, tokens, stop reason,
// usage. Rendering it whole or as a stream gives the same content. Life: a value. Thread: any; pure. Bounds: parts <=
// kPartsMax; texts are not stored but made word by word (words.h), except structured output, tool input and what a stop
// sequence cut. Source: the vendor's Messages and streaming pages and SDK types (read 2026-11).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "sim/control.h"
#include "sim/params.h"
#include "sim/prompt.h"
#include "sim/prompt_cache.h"

namespace baton::sim {

inline constexpr size_t kPartsMax = 5;

enum class StopReason : uint8_t { kEndTurn, kMaxTokens, kStopSequence, kToolUse, kPauseTurn, kRefusal };
std::string_view name(StopReason reason);

enum class PartKind : uint8_t { kThinking, kRedactedThinking, kText, kToolUse };

struct Part {
  PartKind kind = PartKind::kText;
  uint64_t key = 0;       // of its words, signature or id
  uint32_t tokens = 0;    // it costs
  uint32_t words = 0;     // it says; 0 for thinking whose display is omitted
  std::string rest;       // UTF-8 behind the words; of a tool_use its input as JSON
  std::string tool = {};  // its name, between the quotes as the request wrote it
};

struct Answer {
  uint64_t key = 0;  // of its id
  const Model* model = nullptr;
  std::vector<Part> parts;
  StopReason stop = StopReason::kEndTurn;
  std::string stop_sequence;
  InputTokens input;
  uint32_t output_tokens = 0;
  uint32_t thinking_tokens = 0;
  bool thinks = false;
  bool batch = false;
  Duration first_token{0};
  Duration per_token{0};
};

struct Voice {
  uint64_t seed = 0;     // with model and last user text: what is said
  uint32_t tokens = 40;  // of a usual reply
  ReplyKind reply = ReplyKind::kUsual;
};

// Parts, stop reason and output tokens; the caller adds key, input and times. What changes the usual reply is listed in
// README.md.
Answer compose(const MessageParams& params, const Prompt& prompt, const Voice& voice);
// The Message object.
void append_message(std::string& out, const Answer& answer);
// The members of `usage` that a stream's message_delta repeats, without braces.
void append_usage(std::string& out, const Answer& answer, uint32_t output_tokens);

}  // namespace baton::sim
