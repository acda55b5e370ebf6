#include "sim/answer.h"

#include <algorithm>

#include "http/json.h"
#include "sim/words.h"

namespace baton::sim {

namespace {

void append_part(std::string& out, const Part& part) {
  auto words = [&] { append_words(out, part.key, part.words); };
  switch (part.kind) {
    case PartKind::kThinking:
      out += R"({"type":"thinking","thinking":")";
      words();
      out += R"(","signature":")";
      out += make_signature(part.key);
      out += "\"}";
      break;
    case PartKind::kRedactedThinking:
      out += R"({"type":"redacted_thinking","data":")";
      out += make_signature(part.key);
      out += "\"}";
      break;
    case PartKind::kText:
      out += R"({"type":"text","text":")";
      words();
      if (!part.rest.empty()) {
        std::string quoted;
        http::append_json_string(quoted, part.rest);
        out.append(quoted, 1, quoted.size() - 2);
      }
      out += R"(","citations":null})";
      break;
    case PartKind::kToolUse:
      out += R"({"type":"tool_use","id":")";
      out += make_id("toolu_01", part.key);
      out += R"(","name":")";
      out += part.tool;
      out += R"(","input":)";
      out += part.rest;
      out += R"(,"caller":{"type":"direct"}})";
      break;
  }
}

}  // namespace

std::string_view name(StopReason reason) {
  switch (reason) {
    case StopReason::kEndTurn: return "end_turn";
    case StopReason::kMaxTokens: return "max_tokens";
    case StopReason::kStopSequence: return "stop_sequence";
    case StopReason::kToolUse: return "tool_use";
    case StopReason::kPauseTurn: return "pause_turn";
    case StopReason::kRefusal: return "refusal";
  }
  return "end_turn";
}

void append_usage(std::string& out, const Answer& answer, uint32_t output_tokens) {
  auto number = [&](std::string_view key, uint64_t value) {
    out += key;
    out += std::to_string(value);
  };
  number("\"input_tokens\":", answer.input.uncached);
  number(",\"cache_creation_input_tokens\":", answer.input.written());
  number(",\"cache_read_input_tokens\":", answer.input.read);
  number(",\"cache_creation\":{\"ephemeral_5m_input_tokens\":", answer.input.written_5m);
  number(",\"ephemeral_1h_input_tokens\":", answer.input.written_1h);
  number("},\"output_tokens\":", output_tokens);
  if (answer.thinks) {
    number(",\"output_tokens_details\":{\"thinking_tokens\":", std::min(answer.thinking_tokens, output_tokens));
    out += "},\"server_tool_use\":null";
  } else {
    out += ",\"output_tokens_details\":null,\"server_tool_use\":null";
  }
}

void append_message(std::string& out, const Answer& answer) {
  out += R"({"id":")";
  out += make_id("msg_01", answer.key);
  out += R"(","type":"message","role":"assistant","model":")";
  out += answer.model->id;
  out += R"(","content":[)";
  for (size_t i = 0; i < answer.parts.size(); ++i) {
    if (i > 0) out += ',';
    append_part(out, answer.parts[i]);
  }
  out += R"(],"stop_reason":")";
  out += name(answer.stop);
  out += R"(","stop_sequence":)";
  if (answer.stop == StopReason::kStopSequence) {
    http::append_json_string(out, answer.stop_sequence);
  } else {
    out += "null";
  }
  out += answer.stop == StopReason::kRefusal
             ? R"(,"stop_details":{"type":"refusal","category":null,"explanation":"A simulated refusal."})"
             : R"(,"stop_details":null)";
  out += R"(,"container":null,"diagnostics":null,"usage":{)";
  append_usage(out, answer, answer.output_tokens);
  out += answer.batch ? R"(,"service_tier":"batch")" : R"(,"service_tier":"standard")";
  out += R"(,"inference_geo":null,"speed":null}})";
}

}  // namespace baton::sim
