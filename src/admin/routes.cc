#include "admin/routes.h"

#include <iterator>

namespace baton::admin {
namespace {

using enum Operation;
constexpr Role kRead = Role::kRead;
constexpr Role kOperate = Role::kOperate;

constexpr Route kRoutes[] = {
    {"GET", "/admin/v1/overview", kRead, kOverview, ""},
    {"GET", "/admin/v1/live", kRead, kLive, ""},
    {"GET", "/admin/v1/accounts", kRead, kAccounts, ""},
    {"POST", "/admin/v1/accounts/{name}/drain", kOperate, kDrainAccount, "accounts.drain"},
    {"POST", "/admin/v1/accounts/{name}/park", kOperate, kParkAccount, "accounts.park"},
    {"POST", "/admin/v1/accounts/{name}/release", kOperate, kReleaseAccount, "accounts.release"},
    {"POST", "/admin/v1/accounts/{name}/test", kOperate, kTestAccount, "accounts.test"},
    {"GET", "/admin/v1/keys", kRead, kKeys, ""},
    {"POST", "/admin/v1/keys", kOperate, kCreateKey, "keys.create"},
    {"PATCH", "/admin/v1/keys/{name}", kOperate, kChangeKey, "keys.set"},
    {"POST", "/admin/v1/keys/{name}/rotate", kOperate, kRotateKey, "keys.rotate"},
    {"POST", "/admin/v1/keys/{name}/revoke", kOperate, kRevokeKey, "keys.revoke"},
    {"GET", "/admin/v1/teams", kRead, kTeams, ""},
    {"PATCH", "/admin/v1/teams/{name}", kOperate, kChangeTeam, "teams.set"},
    {"GET", "/admin/v1/usage", kRead, kUsage, ""},
    {"GET", "/admin/v1/calls", kRead, kCalls, ""},
    {"GET", "/admin/v1/calls/{id}", kRead, kCall, ""},
    {"GET", "/admin/v1/cache", kRead, kCache, ""},
    {"POST", "/admin/v1/cache/purge", kOperate, kPurgeCache, "cache.purge"},
    {"GET", "/admin/v1/jobs", kRead, kJobs, ""},
    {"GET", "/admin/v1/config", kRead, kConfiguration, ""},
    {"POST", "/admin/v1/reload", kOperate, kReload, "config.reload"},
    {"GET", "/admin/v1/audit", kRead, kAudit, ""},
    {"GET", "/admin/v1/openapi.json", kRead, kOpenApi, ""},
};

std::optional<uint8_t> nibble(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const auto high = i + 2 < text.size() ? nibble(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? nibble(text[i + 2]) : std::nullopt;
      if (!high || !low) return std::nullopt;
      out += static_cast<char>(*high << 4 | *low);
      i += 2;
    }
  }
  return out;
}

// Whether `path` is of this shape; what stands for {…} goes into `names`.
bool fits(std::string_view shape, std::string_view path, std::vector<std::string>& names) {
  names.clear();
  while (true) {
    const size_t shape_end = std::min(shape.find('/', 1), shape.size());
    const size_t path_end = std::min(path.find('/', 1), path.size());
    const std::string_view wanted = shape.substr(0, shape_end);
    const std::string_view given = path.substr(0, path_end);
    if (wanted.starts_with("/{")) {
      auto name = given.size() > 1 ? decoded(given.substr(1), false) : std::nullopt;
      if (!name || name->empty()) return false;
      names.push_back(std::move(*name));
    } else if (wanted != given) {
      return false;
    }
    shape.remove_prefix(shape_end);
    path.remove_prefix(path_end);
    if (shape.empty() || path.empty()) return shape.empty() && path.empty();
  }
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Match match_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  Match match;
  if (path.size() > kPathBytesMax) return match;
  std::vector<std::string> names;
  for (const Route& route : kRoutes) {
    if (!fits(route.path, path, names)) continue;
    if (route.method == method) {
      match.route = &route;
      match.names = std::move(names);
      match.allow.clear();
      return match;
    }
    match.allow.append(match.allow.empty() ? "" : ", ").append(route.method);
    if (route.method == "GET") match.allow += ", HEAD";
  }
  return match;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  if (query.starts_with('?')) query.remove_prefix(1);
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name)
      return equals < pair.size() ? decoded(pair.substr(equals + 1), true) : std::string();
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::nullopt;
}

}  // namespace baton::admin
