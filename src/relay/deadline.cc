#include "relay/deadline.h"

#include <array>
#include <utility>

#include "base/ascii.h"

namespace baton::relay {

std::optional<Duration> read_wait(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, int64_t>, 4> kUnits{
      {{"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}}};
  int64_t unit = 1'000'000'000;
  for (const auto& [name, ns] : kUnits) {
    if (!text.ends_with(name)) continue;
    text.remove_suffix(name.size());
    unit = ns;
    break;
  }
  std::string_view fraction;
  if (const size_t dot = text.find('.'); dot != std::string_view::npos) {
    fraction = text.substr(dot + 1);
    text = text.substr(0, dot);
    if (fraction.size() > 6 || !ascii::decimal(fraction)) return std::nullopt;
  }
  const auto whole = ascii::decimal(text);
  constexpr uint64_t kMsOfDay = 86'400'000;
  if (!whole || *whole > kMsOfDay) return std::nullopt;
  int64_t ns = static_cast<int64_t>(*whole) * (unit / 1'000'000) > static_cast<int64_t>(kMsOfDay)
                   ? -1
                   : static_cast<int64_t>(*whole) * unit;
  for (int64_t scale = unit / 10; !fraction.empty() && ns >= 0; fraction.remove_prefix(1), scale /= 10)
    ns += (fraction[0] - '0') * scale;
  if (ns <= 0) return std::nullopt;
  return Duration{ns};
}

std::optional<Duration> client_patience(const http::RequestHead& head) {
  for (std::string_view name : {"baton-deadline", "x-stainless-timeout"}) {
    if (const auto* field = head.find(name)) {
      if (auto wait = read_wait(field->value)) return wait;
    }
  }
  return std::nullopt;
}

}  // namespace baton::relay
