#include "reuse/rules.h"

#include <charconv>
#include <optional>

#include "base/ascii.h"

namespace baton::reuse {

namespace {

constexpr std::string_view kDeterministicVersion = "2023-06-01";

struct CacheControl {
  bool no_store = false;
  bool no_cache = false;
  Duration age_max = Duration::max();
};

void read_directive(std::string_view directive, CacheControl& into) {
  if (ascii::equal_ignoring_case(directive, "no-store")) into.no_store = true;
  if (ascii::equal_ignoring_case(directive, "no-cache")) into.no_cache = true;
  if (!ascii::starts_with_ignoring_case(directive, "max-age=")) return;
  int64_t seconds = 0;
  const std::string_view digits = directive.substr(std::string_view("max-age=").size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  // What cannot be read asks for the freshest (RFC 9111 4.2.1).
  if (error == std::errc::result_out_of_range) return;
  if (error != std::errc{} || end != digits.data() + digits.size() || seconds < 0) seconds = 0;
  constexpr int64_t kSecondsMax = Duration::max().count() / 1'000'000'000;
  if (seconds < kSecondsMax) into.age_max = std::min<Duration>(into.age_max, std::chrono::seconds(seconds));
}

CacheControl read_cache_control(const http::RequestHead& head) {
  CacheControl control;
  for (const auto& field : head.fields) {
    if (field.id != http::FieldId::kOther || !ascii::equal_ignoring_case(field.name, "cache-control")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      read_directive(ascii::trim(rest.substr(0, comma)), control);
      rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  return control;
}

}  // namespace

Expected<Rules> rules_of(const http::RequestHead& head, bool temperature_zero, bool on_by_default) {
  std::optional<std::string_view> wish;
  for (const auto& field : head.fields) {
    if (field.id != http::FieldId::kBatonOther || !ascii::equal_ignoring_case(field.name, "baton-cache")) continue;
    if (wish) return fail(ErrorCode::kBadRequest, Fault::kClient, "The header baton-cache came twice.");
    wish = field.value;
  }
  const bool refresh = wish && ascii::equal_ignoring_case(*wish, "refresh");
  const bool exact = wish && ascii::equal_ignoring_case(*wish, "exact");
  if (wish && !refresh && !exact && !ascii::equal_ignoring_case(*wish, "on")) {
    if (ascii::equal_ignoring_case(*wish, "off")) return Rules{};
    return fail(ErrorCode::kBadRequest, Fault::kClient, "The header baton-cache takes on, exact, off or refresh.");
  }
  if (!wish && !on_by_default) {
    const auto* version = head.find(http::FieldId::kAnthropicVersion);
    if (!temperature_zero || version == nullptr || version->value != kDeterministicVersion) return Rules{};
  }
  const CacheControl control = read_cache_control(head);
  if (control.no_store) return Rules{};
  // Temperature 0 alone is leave for the very same question, not for another.
  const bool similar = !exact && (wish || on_by_default);
  return Rules{.look = !refresh && !control.no_cache, .keep = true, .similar = similar, .age_max = control.age_max};
}

}  // namespace baton::reuse
