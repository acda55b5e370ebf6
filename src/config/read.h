// Read: takes the fields of one map of the file into a struct, by its table. Every refusal throws Problem.
// Life: during load(). Thread: one.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"
#include "config/suggest.h"
#include "config/table.h"
#include "config/value.h"
#include "config/yaml.h"

namespace baton::config {

// Where a field stands: its node and the key that a problem names.
struct Place {
  const Node& node;
  std::string key;
};

// For the rows that a table leaves to its reader (Kind::kOther): `row` is the row's key.
template <class T>
using ReadOther = std::function<void(std::string_view row, const Place& place, T& out)>;

// Refuses what is no number within the row's range.
uint64_t checked_number(const Source& source, const Place& place, Kind kind, const std::string& text, uint64_t min,
                        uint64_t max);
// The resolved text; refuses an empty one and control characters.
std::string checked_text(const Source& source, const Place& place, Secrecy secrecy);
double checked_share(const Source& source, const Place& place, const std::string& text);
bool checked_flag(const Source& source, const Place& place, const std::string& text);
// Of the keys that a table has below `section`, and everywhere: the one that `word` most likely means, or empty.
std::string nearest_key(std::string_view word, const std::string& section, const std::vector<std::string_view>& keys);
[[noreturn]] void refuse_unknown(const Source& source, const Place& place, std::string suggestion);

template <class T>
void read_setting(const Source& source, const Place& place, const Setting<T>& row, T& out) {
  const std::string text = checked_text(source, place, row.secrecy);
  const auto number = [&] { return checked_number(source, place, row.kind, text, row.min, row.max); };
  const auto assign = [&](auto at) {
    using At = decltype(at);
    if constexpr (std::is_same_v<At, Duration& (*)(T&)>) {
      at(out) = Duration{static_cast<int64_t>(number())};
    } else if constexpr (std::is_same_v<At, uint64_t& (*)(T&)>) {
      at(out) = number();
    } else if constexpr (std::is_same_v<At, uint32_t& (*)(T&)>) {
      at(out) = static_cast<uint32_t>(number());
    } else if constexpr (std::is_same_v<At, double& (*)(T&)>) {
      at(out) = checked_share(source, place, text);
    } else if constexpr (std::is_same_v<At, bool& (*)(T&)>) {
      at(out) = checked_flag(source, place, text);
    } else if constexpr (std::is_same_v<At, Secret& (*)(T&)>) {
      at(out) = Secret(text);
    } else if constexpr (std::is_same_v<At, std::string& (*)(T&)>) {
      at(out) = text;
    }
  };
  std::visit(assign, row.at);
}

// `place` is the map; `section` is what precedes its keys in the table, with a dot at its end ("edge."), or empty.
template <class T>
void read_fields(const Source& source, const Place& place, std::span<const Setting<T>> table,
                 const ReadOther<T>& read_other, T& out, const std::string& section = {}) {
  if (place.node.kind == Node::Kind::kNull) source.refuse(place.node.line, place.key, "has no value");
  if (place.node.kind != Node::Kind::kMap) source.refuse(place.node.line, place.key, "must be a map of settings");
  for (const Node& field : place.node.items) {
    const std::string full = section + field.key;
    const Place here{field, place.key.empty() ? field.key : place.key + "." + field.key};
    const Setting<T>* row = nullptr;
    bool is_section = false;
    std::vector<std::string_view> keys;
    for (const Setting<T>& candidate : table) {
      keys.push_back(candidate.key);
      if (candidate.key == full) row = &candidate;
      if (candidate.key.starts_with(full + ".")) is_section = true;
    }
    if (is_section) {
      read_fields(source, here, table, read_other, out, full + ".");
    } else if (row == nullptr) {
      refuse_unknown(source, here, nearest_key(field.key, section, keys));
    } else if (row->kind == Kind::kOther) {
      read_other(row->key, here, out);
    } else {
      read_setting(source, here, *row, out);
    }
  }
}

}  // namespace baton::config
