#include "dialect/anthropic_call.h"

#include <utility>

#include "base/ascii.h"

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

// Without its quotes, if it has them.
std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

Expected<CallFacts> read_call(std::string_view padded_body, http::JsonScanner& scanner) {
  const auto fields = scanner.scan_object(padded_body);
  if (!fields) return std::unexpected(fields.error());
  CallFacts facts;
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
    } else if (field.key == "temperature" && field.type == http::JsonType::kNumber) {
      facts.temperature_zero = span.substr(0, span.find_first_of("eE")).find_first_of("123456789") == span.npos;
    }
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
