#include "reuse/rules.h"

#include <charconv>
#include <optional>

#include "base/ascii.h"
#include "model/names.h"

namespace baton::reuse {

namespace {

constexpr std::string_view kDeterministicVersion = "2023-06-01";

struct CacheControl {
  bool no_store = false;
  bool no_cache = false;
  Duration age_max = Duration::max();
  Duration stale_max{0};
  std::optional<Duration> stale_while_revalidate, stale_if_error;
};

constexpr int64_t kSecondsMax = Duration::max().count() / 1'000'000'000;

// The seconds of "name=7"; nothing for another directive. What is too large to count is as long as can be.
// `unreadable`: what stands for what cannot be read.
std::optional<Duration> seconds_of(std::string_view directive, std::string_view name, Duration unreadable) {
  if (!ascii::starts_with_ignoring_case(directive, name)) return std::nullopt;
  directive.remove_prefix(name.size());
  if (!directive.starts_with('=')) return std::nullopt;
  const std::string_view digits = directive.substr(1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::result_out_of_range) return number < 0 ? unreadable : Duration::max();
  if (error != std::errc{} || end != digits.data() + digits.size() || number < 0) return unreadable;
  return number < kSecondsMax ? Duration(std::chrono::seconds(number)) : Duration::max();
}

void read_directive(std::string_view directive, CacheControl& into) {
  constexpr Duration kNone{0};
  if (ascii::equal_ignoring_case(directive, "no-store")) into.no_store = true;
  if (ascii::equal_ignoring_case(directive, "no-cache")) into.no_cache = true;
  // What cannot be read asks for the freshest (RFC 9111 4.2.1).
  if (const auto age = seconds_of(directive, "max-age", kNone)) into.age_max = std::min(into.age_max, *age);
  if (ascii::equal_ignoring_case(directive, "max-stale")) into.stale_max = Duration::max();
  if (const auto stale = seconds_of(directive, "max-stale", kNone)) into.stale_max = *stale;
  if (const auto stale = seconds_of(directive, "stale-while-revalidate", kNone)) into.stale_while_revalidate = *stale;
  if (const auto stale = seconds_of(directive, "stale-if-error", kNone)) into.stale_if_error = *stale;
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
  return Rules{.look = !refresh && !control.no_cache,
               .keep = true,
               .similar = similar,
               .age_max = control.age_max,
               .stale_max = control.stale_max,
               .stale_while_revalidate = control.stale_while_revalidate,
               .stale_if_error = control.stale_if_error};
}

StaleAllowed stale_allowed(const Config& config, std::string_view model, std::string_view client,
                           std::string_view team) {
  using model::any_fits;
  for (const StaleRule& rule : config.stale_rules) {
    if (any_fits(rule.models, model) && any_fits(rule.clients, client) && any_fits(rule.teams, team)) return rule.stale;
  }
  return config.stale;
}

}  // namespace baton::reuse
