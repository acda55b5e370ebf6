#include "dialect/anthropic_call.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/hash.h"
#include "dialect/prompt_prefixes.h"
#include "dialect/unmarked.h"
#include "http/json_view.h"

namespace baton::dialect {
namespace {

std::unexpected<Error> refuse(std::string sentence) {
  return fail(ErrorCode::kBadRequest, Fault::kClient, std::move(sentence));
}

bool is_printable_ascii(std::string_view text) {
  for (char c : text) {
    if (c < 0x20 || c >= 0x7f) return false;
  }
  return true;
}

std::string_view span_of(std::string_view text, const http::JsonField& field) {
  return text.substr(field.begin, field.end - field.begin);
}

Expected<std::string> read_model(std::string_view span, http::JsonType type) {
  if (type != http::JsonType::kString) return refuse("model: must be a string.");
  // An escaped character takes at most six bytes, so a longer span cannot be a name within the bound: it is not even
  // copied.
  std::optional<std::string> model;
  if (span.size() <= 6 * kModelBytesMax + 2) model = http::json_string(span);
  if (!model || model->size() > kModelBytesMax || !is_printable_ascii(*model)) {
    return refuse("model: must be at most 256 printable ASCII characters.");
  }
  return *std::move(model);
}

// The fields that a conversation is known by.
struct Beginning {
  std::string_view metadata;
  std::string_view tools;
  std::string_view system;
  std::string_view messages;
  std::string_view tool_choice;
  std::string_view thinking;
  std::string_view cache_control;
};

uint64_t conversation_of(const Beginning& beginning, size_t body_bytes) {
  // The body was found to be valid; a name that is written with escapes is only not recognised.
  http::JsonMembers members(beginning.metadata);
  while (members.next()) {
    if (members.key == "user_id" && http::is_string(members.value)) return hash64(members.value);
  }
  if (body_bytes < kConversationBytesMin) return 0;
  const std::string_view first = first_element(beginning.messages);
  if (first.empty() && beginning.system.empty() && beginning.tools.empty()) return 0;
  return hash_unmarked(first, hash_unmarked(beginning.system, hash_unmarked(beginning.tools, 0)));
}

// Without its quotes, if it has them.
std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

std::string_view first_element(std::string_view array) {
  const size_t open = array.find('[');
  size_t at = open == array.npos ? open : array.find_first_not_of(" \t\r\n", open + 1);
  if (at == array.npos || array[at] == ']') return {};
  const size_t begin = at;
  size_t depth = 0;
  for (bool in_string = false; at < array.size(); ++at) {
    const char c = array[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if (depth == 0 && (c == ',' || c == ']')) break;
    if ((c == '}' || c == ']') && --depth == 0) return array.substr(begin, at + 1 - begin);
  }
  return array.substr(begin, at - begin);
}

Expected<CallFacts> read_call(std::string_view padded_body, http::JsonScanner& scanner, Conversation conversation,
                              std::optional<uint64_t> prompt_seed) {
  const auto fields = scanner.scan_object(padded_body);
  if (!fields) return std::unexpected(fields.error());
  CallFacts facts;
  facts.names = names_in(padded_body);
  Beginning beginning;
  for (const http::JsonField& field : **fields) {
    const std::string_view span = span_of(padded_body, field);
    if (field.key == "model") {
      Expected<std::string> model = read_model(span, field.type);
      if (!model) return std::unexpected(std::move(model.error()));
      facts.model = *std::move(model);
    } else if (field.key == "stream") {
      if (field.type != http::JsonType::kBool) return refuse("stream: must be true or false.");
      facts.stream = span == "true";
    } else if (field.key == "max_tokens" && field.type == http::JsonType::kNumber) {
      facts.max_tokens = http::json_int(span);
    } else if (field.key == "metadata" && field.type == http::JsonType::kObject) {
      beginning.metadata = span;
    } else if (field.key == "tools") {
      beginning.tools = span;
    } else if (field.key == "system") {
      beginning.system = span;
    } else if (field.key == "messages" && field.type == http::JsonType::kArray) {
      beginning.messages = span;
    } else if (field.key == "tool_choice") {
      beginning.tool_choice = span;
    } else if (field.key == "thinking") {
      beginning.thinking = span;
    } else if (field.key == "cache_control") {
      beginning.cache_control = span;
    } else if (field.key == "temperature" && field.type == http::JsonType::kNumber) {
      facts.temperature_zero = span.substr(0, span.find_first_of("eE")).find_first_of("123456789") == span.npos;
    }
  }
  if (conversation == Conversation::kWanted) facts.conversation = conversation_of(beginning, padded_body.size());
  if (prompt_seed && facts.names.cache_control) {
    facts.prompt = read_prompt({.tools = beginning.tools,
                                .system = beginning.system,
                                .messages = beginning.messages,
                                .tool_choice = beginning.tool_choice,
                                .thinking = beginning.thinking,
                                .cache_control = beginning.cache_control},
                               hash64(facts.model, *prompt_seed));
  }
  return facts;
}

bool is_json_content_type(std::string_view value) {
  const size_t semicolon = value.find(';');
  if (!ascii::equal_ignoring_case(ascii::trim(value.substr(0, semicolon)), "application/json")) return false;
  std::string_view rest = semicolon == value.npos ? std::string_view{} : value.substr(semicolon + 1);
  while (!rest.empty()) {
    const size_t next = rest.find(';');
    const std::string_view parameter = ascii::trim(rest.substr(0, next));
    rest = next == rest.npos ? std::string_view{} : rest.substr(next + 1);
    if (!ascii::starts_with_ignoring_case(parameter, "charset")) continue;
    const size_t equals = parameter.find('=');
    if (equals == parameter.npos) return false;
    if (ascii::trim(parameter.substr(0, equals)).size() != std::string_view("charset").size()) continue;
    if (!ascii::equal_ignoring_case(unquoted(ascii::trim(parameter.substr(equals + 1))), "utf-8")) return false;
  }
  return true;
}

}  // namespace baton::dialect
