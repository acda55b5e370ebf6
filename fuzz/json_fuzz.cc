// The JSON scanner against its slow twin: the same texts accepted, the same fields found; strings survive a round trip.
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/json.h"
#include "json_twin.h"

namespace {

using baton::http::JsonField;
using baton::http::JsonLimits;
using baton::http::JsonScanner;

void compare_with_twin(JsonScanner& scanner, std::string_view text) {
  constexpr JsonLimits kLimits{.depth_max = 16, .keys_max = 40};
  // A copy of its own, so that a read behind the padding is seen; the padding would continue a number or a word.
  std::string padded(text);
  padded.append(baton::http::kJsonPadding, '1');
  auto found = scanner.scan_object(std::string_view(padded).substr(0, text.size()), kLimits);
  auto want = baton::fuzz::JsonTwin(text, kLimits.depth_max, kLimits.keys_max).read();
  BATON_CHECK(found.has_value() == want.has_value());
  if (!found) return;
  const std::vector<JsonField>& fields = **found;
  BATON_CHECK(fields.size() == want->size());
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto& twin = (*want)[i];
    BATON_CHECK(fields[i].key == twin.key && fields[i].key_begin == twin.key_begin);
    BATON_CHECK(fields[i].begin == twin.begin && fields[i].end == twin.end);
    (void)baton::http::json_string(text.substr(twin.begin, twin.end - twin.begin));
    (void)baton::http::json_int(text.substr(twin.begin, twin.end - twin.begin));
  }
}

void round_trip(JsonScanner& scanner, std::string_view text) {
  std::string object = "{\"k\":";
  baton::http::append_json_string(object, text);
  object += '}';
  size_t size = object.size();
  object.append(baton::http::kJsonPadding, '\0');
  auto fields = scanner.scan_object(std::string_view(object).substr(0, size));
  BATON_CHECK(fields.has_value() && (*fields)->size() == 1);
  const JsonField& field = (**fields)[0];
  auto back = baton::http::json_string(std::string_view(object).substr(field.begin, field.end - field.begin));
  BATON_CHECK(back.has_value());
  // What was not UTF-8 was replaced; written once more it stays.
  std::string once, twice;
  baton::http::append_json_string(once, text);
  baton::http::append_json_string(twice, *back);
  BATON_CHECK(once == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static JsonScanner scanner;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  compare_with_twin(scanner, text);
  round_trip(scanner, text);
  (void)baton::http::json_string(text);
  (void)baton::http::json_int(text);
  return 0;
}
