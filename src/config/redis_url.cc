#include "config/redis_url.h"

#include <array>
#include <charconv>
#include <optional>

#include "base/ascii.h"
#include "config/url.h"

namespace baton::config {

namespace {

constexpr uint32_t kDatabaseMax = 16'383;

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    uint8_t byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || wrong != std::errc{} || end != digits.data() + 2) return std::nullopt;
    out.push_back(static_cast<char>(byte));
    i += 2;
  }
  return out;
}

}  // namespace

Parsed<RedisPlace> parse_redis_url(std::string_view text) {
  static constexpr std::array<std::string_view, 2> kSchemes{"redis", "rediss"};
  auto url = parse_url(text, {.schemes = kSchemes, .path = true, .userinfo = true});
  if (!url) return std::unexpected(url.error());
  RedisPlace place{.tls = url->scheme == "rediss", .host = url->host};
  if (url->port != 0) place.port = url->port;
  const size_t colon = url->userinfo.find(':');
  auto user = decoded(std::string_view(url->userinfo).substr(0, colon));
  auto password =
      decoded(colon == url->userinfo.npos ? std::string_view{} : std::string_view(url->userinfo).substr(colon + 1));
  if (!user || !password) return std::unexpected("has a % in its user or password that is not followed by two digits");
  if (password->empty() && !user->empty()) return std::unexpected("has a user without a password");
  place.user = std::move(*user);
  place.password = Secret(std::move(*password));
  if (!url->path.empty()) {
    const auto database = ascii::decimal(std::string_view(url->path).substr(1));
    if (!database || *database > kDatabaseMax)
      return std::unexpected("must end in the number of a database, or in none");
    place.database = static_cast<uint32_t>(*database);
  }
  return place;
}

}  // namespace baton::config
