// MessageParams: the top-level fields of a Messages request, checked the way the API checks them. Fields that are not
// known here are accepted: beta features bring new ones all the time. Life: spans into the request body, valid as long
// as that stays. Thread: any. Source: the vendor's Messages reference, its versioning page and SDK types (read
// 2026-11).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "http/json.h"
#include "sim/api_error.h"
#include "sim/models.h"

namespace baton::sim {

enum class ApiVersion : uint8_t { k20230601, k20261021 };
// What the body is for: batches allow no stream, counting needs no max_tokens.
enum class Purpose : uint8_t { kMessage, kCount, kBatch };

enum class Thinking : uint8_t { kOff, kSummarized, kOmitted };
enum class ToolChoice : uint8_t { kAuto, kAny, kTool, kNone };
enum class Ttl : uint8_t { kNone, k5m, k1h };

struct MessageParams {
  const Model* model = nullptr;
  uint32_t max_tokens = 0;
  bool stream = false;
  Thinking thinking = Thinking::kOff;
  ToolChoice choice = ToolChoice::kAuto;
  std::string_view chosen_tool;  // with kTool, between its quotes as written
  bool parallel_tools = true;
  Ttl automatic_cache = Ttl::kNone;  // the top-level cache_control
  // Spans, empty when absent or null.
  std::string_view messages;
  std::string_view system;
  std::string_view tools;
  std::string_view tool_choice;
  std::string_view thinking_span;
  std::string_view stop_sequences;
  std::string_view output_schema;  // output_config.format.schema of a json_schema format
};

struct Fields {
  std::string_view text;
  std::span<const http::JsonField> list;
  // The value's span; empty when absent or null.
  std::string_view get(std::string_view key) const;
};

Answered<MessageParams> read_params(const Fields& fields, Purpose purpose, ApiVersion version);
// Of one cache_control value ("" and null: kNone). `where` leads the error sentence.
Answered<Ttl> read_cache_control(std::string_view span, std::string_view where);

// The members of an object inside valid JSON, for read_params on a part of a body.
std::vector<http::JsonField> fields_of(std::string_view text, std::string_view object);

}  // namespace baton::sim
