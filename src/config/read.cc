#include "config/read.h"

#include <algorithm>
#include <utility>

namespace baton::config {
namespace {

template <class T>
T taken(const Source& source, const Place& place, Parsed<T> parsed) {
  if (!parsed) source.refuse(place.node.line, place.key, parsed.error());
  return *std::move(parsed);
}

uint64_t parsed_number(const Source& source, const Place& place, Kind kind, const std::string& text) {
  if (kind == Kind::kDuration) return static_cast<uint64_t>(taken(source, place, parse_duration(text)).count());
  if (kind == Kind::kSize) return taken(source, place, parse_size(text));
  return taken(source, place, parse_count(text));
}

}  // namespace

uint64_t checked_number(const Source& source, const Place& place, Kind kind, const std::string& text, uint64_t min,
                        uint64_t max) {
  const uint64_t value = parsed_number(source, place, kind, text);
  if (value < min) source.refuse(place.node.line, place.key, "must be at least " + bound_text(kind, min));
  if (value > max) source.refuse(place.node.line, place.key, "must be at most " + bound_text(kind, max));
  return value;
}

std::string checked_text(const Source& source, const Place& place, Secrecy secrecy) {
  std::string text = source.resolve(place.node, place.key, secrecy);
  if (text.empty()) source.refuse(place.node.line, place.key, "is empty");
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      source.refuse(place.node.line, place.key, "has a line break or another control character in its value");
    }
  }
  return text;
}

double checked_share(const Source& source, const Place& place, const std::string& text) {
  return taken(source, place, parse_share(text));
}

bool checked_flag(const Source& source, const Place& place, const std::string& text) {
  return taken(source, place, parse_bool(text));
}

std::string nearest_key(std::string_view word, const std::string& section, const std::vector<std::string_view>& keys) {
  // First what can stand in this very place, section names included; then the same word in another section.
  std::vector<std::string_view> here;
  std::vector<std::string_view> last_words;
  for (const std::string_view key : keys) {
    last_words.push_back(key.substr(key.rfind('.') + 1));
    if (!key.starts_with(section)) continue;
    const std::string_view rest = key.substr(section.size());
    here.push_back(rest.substr(0, rest.find('.')));
  }
  if (const std::string_view near = suggest(word, here); !near.empty()) return std::string(near);
  const std::string_view near = suggest(word, last_words);
  if (near.empty()) return {};
  const auto at = std::find(last_words.begin(), last_words.end(), near) - last_words.begin();
  return std::string(keys[static_cast<size_t>(at)]);
}

void refuse_unknown(const Source& source, const Place& place, std::string suggestion) {
  source.refuse(place.node.line, place.key, "is not a setting", std::move(suggestion));
}

}  // namespace baton::config
