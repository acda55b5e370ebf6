#include "sim/example_value.h"

#include <algorithm>

#include "http/json.h"
#include "sim/json_view.h"
#include "sim/mix.h"

namespace baton::sim {

namespace {

void append_value(std::string& out, std::string_view schema, uint64_t key, int depth);

std::string_view element(std::string_view array, size_t index) {
  JsonElements elements(array);
  while (elements.next()) {
    if (index-- == 0) return elements.value;
  }
  return {};
}

size_t count(std::string_view array) {
  size_t n = 0;
  JsonElements elements(array);
  while (elements.next()) ++n;
  return n;
}

// "type" may be a list: the first that is not null.
std::string_view type_of(std::string_view schema) {
  std::string_view type = json_member(schema, "type");
  if (is_array(type)) {
    JsonElements types(type);
    while (types.next()) {
      type = types.value;
      if (type != "\"null\"") break;
    }
  }
  if (is_string(type)) return type.substr(1, type.size() - 2);
  if (!json_member(schema, "properties").empty()) return "object";
  if (!json_member(schema, "items").empty()) return "array";
  return "";
}

void append_text(std::string& out, std::string_view schema, uint64_t key) {
  std::string_view format = json_word(schema, "format");
  if (format == "date-time") {
    out += "\"2026-11-24T09:30:00Z\"";
  } else if (format == "date") {
    out += "\"2026-11-24\"";
  } else if (format == "uri") {
    out += "\"https://example.com/\"";
  } else if (format == "email") {
    out += "\"someone@example.com\"";
  } else if (format == "uuid") {
    out += "\"123e4567-e89b-42d3-a456-426614174000\"";
  } else {
    static constexpr std::string_view kTexts[] = {"example", "a.example", "say \"hi\"",
                                                  "你好",    "naïve 🚀",  "two\nlines"};
    std::string text(kTexts[mix(key, 7) % std::size(kTexts)]);
    auto least = http::json_int(json_member(schema, "minLength")).value_or(0);
    auto most = http::json_int(json_member(schema, "maxLength")).value_or(1'000);
    if (most < 16) text = std::string("example").substr(0, static_cast<size_t>(std::max<int64_t>(most, 0)));
    while (static_cast<int64_t>(text.size()) < std::min<int64_t>(least, 1'000)) text += '.';
    http::append_json_string(out, text);
  }
}

void append_number(std::string& out, std::string_view schema, bool whole) {
  int64_t value = whole ? 12 : 1;
  if (auto low = http::json_int(json_member(schema, "minimum"))) value = std::max(value, *low);
  if (auto low = http::json_int(json_member(schema, "exclusiveMinimum"))) value = std::max(value, *low + 1);
  if (auto high = http::json_int(json_member(schema, "maximum"))) value = std::min(value, *high);
  if (auto high = http::json_int(json_member(schema, "exclusiveMaximum"))) value = std::min(value, *high - 1);
  out += std::to_string(value);
}

void append_object(std::string& out, std::string_view schema, uint64_t key, int depth) {
  out += '{';
  size_t given = 0;
  std::string_view properties = json_member(schema, "properties");
  if (is_object(properties) && depth < kExampleDepthMax) {
    JsonMembers members(properties);
    while (members.next() && given < kExamplePropertiesMax) {
      if (given++ > 0) out += ", ";
      out += '"';
      out += members.key;
      out += "\": ";
      append_value(out, members.value, mix(key, given), depth + 1);
    }
  }
  out += '}';
}

void append_value(std::string& out, std::string_view schema, uint64_t key, int depth) {
  if (!is_object(schema)) {
    out += depth == 0 ? "{}" : "\"example\"";
    return;
  }
  if (std::string_view fixed = json_member(schema, "const"); !fixed.empty()) {
    out += fixed;
    return;
  }
  if (std::string_view choices = json_member(schema, "enum"); is_array(choices)) {
    if (size_t n = count(choices); n > 0) {
      out += element(choices, mix(key, 3) % n);
      return;
    }
  }
  for (std::string_view word : {"anyOf", "oneOf", "allOf"}) {
    std::string_view first = element(json_member(schema, word), 0);
    if (!first.empty() && depth < kExampleDepthMax) return append_value(out, first, key, depth + 1);
  }
  std::string_view type = type_of(schema);
  if (type == "object" || (type.empty() && depth == 0)) return append_object(out, schema, key, depth);
  if (type == "array") {
    auto least = std::clamp<int64_t>(http::json_int(json_member(schema, "minItems")).value_or(1), 0, 16);
    if (depth >= kExampleDepthMax) least = 0;
    out += '[';
    for (int64_t i = 0; i < least; ++i) {
      if (i > 0) out += ", ";
      append_value(out, json_member(schema, "items"), mix(key, static_cast<uint64_t>(i) + 1), depth + 1);
    }
    out += ']';
  } else if (type == "integer") {
    append_number(out, schema, true);
  } else if (type == "number") {
    append_number(out, schema, false);
  } else if (type == "boolean") {
    out += "true";
  } else if (type == "null") {
    out += "null";
  } else {
    append_text(out, schema, key);
  }
}

}  // namespace

void append_example(std::string& out, std::string_view schema, uint64_t key) { append_value(out, schema, key, 0); }

}  // namespace baton::sim
