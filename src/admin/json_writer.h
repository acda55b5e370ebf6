// JsonWriter: writes JSON values one after the other, with the commas where they belong. Texts are escaped so that they
// are safe in a terminal too (metrics/log_text.h).
// Life: on a frame; borrows the text it appends to. Thread: one. Bounds: depth as the caller nests.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace baton::admin {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& text(std::string_view value);
  JsonWriter& raw(std::string_view json);  // a value that is JSON already
  JsonWriter& null() { return raw("null"); }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& number(int64_t value);
  JsonWriter& number(double value);                         // at most three decimals
  JsonWriter& time(WallTime value);                         // RFC 3339, UTC, milliseconds
  JsonWriter& ms(Duration value);                           // a number of milliseconds
  JsonWriter& dollars(std::optional<int64_t> nanodollars);  // a decimal string, or null

  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonWriter& field(std::string_view name, const char* value) { return key(name).text(value); }
  template <std::integral T>
  JsonWriter& field(std::string_view name, T value) {
    if constexpr (std::same_as<T, bool>) {
      return key(name).boolean(value);
    } else {
      return key(name).number(static_cast<int64_t>(value));
    }
  }
  JsonWriter& field(std::string_view name, double value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, WallTime value) { return key(name).time(value); }
  template <class T>
  JsonWriter& field(std::string_view name, const std::optional<T>& value) {
    return value ? field(name, *value) : key(name).null();
  }
  JsonWriter& ms_field(std::string_view name, Duration value) { return key(name).ms(value); }
  JsonWriter& dollars_field(std::string_view name, std::optional<int64_t> value) { return key(name).dollars(value); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void value();

  std::string& out_;
  bool comma_ = false;
};

// "2026-11-24T12:43:28.123Z".
std::string rfc3339_text(WallTime time);

}  // namespace baton::admin
