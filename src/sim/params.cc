#include "sim/params.h"

#include "sim/json_view.h"

namespace baton::sim {

namespace {

constexpr std::string_view kExtra = ": Extra inputs are not permitted";

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

Answered<bool> read_bool(const Fields& fields, std::string_view key) {
  std::string_view span = fields.get(key);
  if (span.empty() || span == "false") return false;
  if (span == "true") return true;
  return invalid(std::string(key) + ": Input should be a valid boolean");
}

Answered<void> check_sampling(const Fields& fields, const Model& model, ApiVersion version) {
  for (std::string_view key : {"temperature", "top_p", "top_k"}) {
    std::string_view span = fields.get(key);
    if (span.empty()) continue;
    if (version == ApiVersion::k20261021) return invalid(std::string(key).append(kExtra));
    if (!model.sampling)
      return invalid("`" + std::string(key) + "` is not supported by " + std::string(model.id) + ".");
    if (json_type(span) != http::JsonType::kNumber)
      return invalid(std::string(key) + ": Input should be a valid number");
  }
  return {};
}

Answered<void> read_max_tokens(const Fields& fields, Purpose purpose, MessageParams& out) {
  std::string_view span = fields.get("max_tokens");
  if (span.empty()) {
    if (purpose == Purpose::kCount) return {};
    return invalid("max_tokens: Field required");
  }
  auto value = http::json_int(span);
  if (!value) return invalid("max_tokens: Input should be a valid integer");
  if (*value < 0) return invalid("max_tokens: Input should be greater than or equal to 0");
  if (*value > out.model->output_tokens_max) {
    return invalid("max_tokens: " + std::to_string(*value) + " > " + std::to_string(out.model->output_tokens_max) +
                   ", which is the maximum allowed number of output tokens for " + std::string(out.model->id));
  }
  out.max_tokens = static_cast<uint32_t>(*value);
  return {};
}

Answered<void> read_thinking(const Fields& fields, Purpose purpose, MessageParams& out) {
  out.thinking_span = fields.get("thinking");
  if (out.thinking_span.empty()) return {};
  if (!is_object(out.thinking_span)) return invalid("thinking: Input should be an object");
  std::string_view type = json_word(out.thinking_span, "type");
  if (type.empty()) return invalid("thinking.type: Field required");
  if (type == "disabled" || type == "between_tools") return {};
  if (type != "enabled" && type != "adaptive") {
    return invalid("thinking: Input tag " + quoted(type) +
                   " found using 'type' does not match any of the expected tags: 'adaptive', 'enabled', 'disabled', "
                   "'between_tools'");
  }
  std::string_view display = json_word(out.thinking_span, "display");
  if (!display.empty() && display != "summarized" && display != "omitted") {
    return invalid("thinking." + std::string(type) + ".display: Input should be 'summarized' or 'omitted'");
  }
  out.thinking = display == "omitted" ? Thinking::kOmitted : Thinking::kSummarized;
  if (type == "adaptive") return {};
  std::string_view budget = json_member(out.thinking_span, "budget_tokens");
  if (budget.empty()) return invalid("thinking.enabled.budget_tokens: Field required");
  auto tokens = http::json_int(budget);
  if (!tokens || *tokens < 1024) {
    return invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
  }
  if (purpose != Purpose::kCount && *tokens >= out.max_tokens) {
    return invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
  }
  return {};
}

Answered<void> read_tool_choice(const Fields& fields, MessageParams& out) {
  out.tool_choice = fields.get("tool_choice");
  if (out.tool_choice.empty()) return {};
  if (!is_object(out.tool_choice)) return invalid("tool_choice: Input should be an object");
  std::string_view type = json_word(out.tool_choice, "type");
  out.parallel_tools = json_member(out.tool_choice, "disable_parallel_tool_use") != "true";
  if (type == "auto") return {};
  if (type == "none") {
    out.choice = ToolChoice::kNone;
    return {};
  }
  if (type != "any" && type != "tool") {
    return invalid("tool_choice: Input tag " + quoted(type) +
                   " found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'");
  }
  if (out.tools.empty()) return invalid("tool_choice may only be specified while providing tools.");
  out.choice = type == "any" ? ToolChoice::kAny : ToolChoice::kTool;
  if (type == "any") return {};
  out.chosen_tool = json_word(out.tool_choice, "name");
  if (out.chosen_tool.empty()) return invalid("tool_choice.tool.name: Field required");
  JsonElements tools(out.tools);
  while (tools.next()) {
    if (json_word(tools.value, "name") == out.chosen_tool) return {};
  }
  return invalid("tool_choice.tool.name: Tool " + quoted(out.chosen_tool) + " not found in provided tools");
}

Answered<void> read_stop_sequences(const Fields& fields, MessageParams& out) {
  out.stop_sequences = fields.get("stop_sequences");
  if (out.stop_sequences.empty()) return {};
  if (!is_array(out.stop_sequences)) return invalid("stop_sequences: Input should be a valid list");
  JsonElements sequences(out.stop_sequences);
  for (size_t i = 0; sequences.next(); ++i) {
    std::string at = "stop_sequences." + std::to_string(i);
    if (!is_string(sequences.value)) return invalid(at + ": Input should be a valid string");
    std::string room;
    if (json_text(sequences.value, room).find_first_not_of(" \t\r\n") == std::string_view::npos) {
      return invalid(at + ": each stop sequence must contain non-whitespace");
    }
  }
  return {};
}

Answered<void> read_spans(const Fields& fields, MessageParams& out) {
  out.messages = fields.get("messages");
  if (out.messages.empty()) return invalid("messages: Field required");
  if (!is_array(out.messages)) return invalid("messages: Input should be a valid list");
  out.system = fields.get("system");
  if (!out.system.empty() && !is_string(out.system) && !is_array(out.system)) {
    return invalid("system: Input should be a valid string or a list of text blocks");
  }
  out.tools = fields.get("tools");
  if (!out.tools.empty() && !is_array(out.tools)) return invalid("tools: Input should be a valid list");
  if (out.tools == "[]") out.tools = {};
  std::string_view config = fields.get("output_config");
  if (config.empty()) return {};
  if (!is_object(config)) return invalid("output_config: Input should be an object");
  std::string_view format = json_member(config, "format");
  if (is_object(format) && json_word(format, "type") == "json_schema")
    out.output_schema = json_member(format, "schema");
  return {};
}

}  // namespace

std::string_view Fields::get(std::string_view key) const {
  for (const http::JsonField& field : list) {
    if (field.key == key) {
      return field.type == http::JsonType::kNull ? std::string_view{}
                                                 : text.substr(field.begin, field.end - field.begin);
    }
  }
  return {};
}

Answered<Ttl> read_cache_control(std::string_view span, std::string_view where) {
  if (is_null(span)) return Ttl::kNone;
  std::string at(where);
  if (!is_object(span)) return invalid(at + "cache_control: Input should be an object");
  if (json_word(span, "type") != "ephemeral") return invalid(at + "cache_control.type: Input should be 'ephemeral'");
  std::string_view ttl = json_member(span, "ttl");
  if (is_null(ttl) || ttl == "\"5m\"") return Ttl::k5m;
  if (ttl == "\"1h\"") return Ttl::k1h;
  return invalid(at + "cache_control.ephemeral.ttl: Input should be '5m' or '1h'");
}

Answered<MessageParams> read_params(const Fields& fields, Purpose purpose, ApiVersion version) {
  MessageParams out;
  std::string_view model = fields.get("model");
  if (model.empty()) return invalid("model: Field required");
  if (!is_string(model)) return invalid("model: Input should be a valid string");
  std::string room;
  std::string_view name = json_text(model, room);
  out.model = find_model(name);
  if (auto spans = read_spans(fields, out); !spans) return std::unexpected(spans.error());
  if (out.model == nullptr) {
    if (purpose != Purpose::kCount && fields.get("max_tokens").empty()) return invalid("max_tokens: Field required");
    return std::unexpected(
        ApiError{.status = 404, .type = "not_found_error", .message = "model: " + std::string(name.substr(0, 200))});
  }
  if (auto ok = read_max_tokens(fields, purpose, out); !ok) return std::unexpected(ok.error());
  auto stream = read_bool(fields, "stream");
  if (!stream) return std::unexpected(stream.error());
  out.stream = *stream;
  if (out.stream && purpose == Purpose::kBatch) return invalid("stream: Streaming is not supported in batches");
  if (auto ok = check_sampling(fields, *out.model, version); !ok) return std::unexpected(ok.error());
  if (auto ok = read_thinking(fields, purpose, out); !ok) return std::unexpected(ok.error());
  if (auto ok = read_tool_choice(fields, out); !ok) return std::unexpected(ok.error());
  if (auto ok = read_stop_sequences(fields, out); !ok) return std::unexpected(ok.error());
  auto cache = read_cache_control(fields.get("cache_control"), "");
  if (!cache) return std::unexpected(cache.error());
  out.automatic_cache = *cache;
  return out;
}

std::vector<http::JsonField> fields_of(std::string_view text, std::string_view object) {
  std::vector<http::JsonField> out;
  JsonMembers members(object);
  while (members.next()) {
    auto begin = static_cast<size_t>(members.value.data() - text.data());
    out.push_back({.key = members.key,
                   .type = json_type(members.value),
                   .begin = begin,
                   .end = begin + members.value.size(),
                   .key_begin = static_cast<size_t>(members.key.data() - text.data()) - 1});
  }
  return out;
}

}  // namespace baton::sim
