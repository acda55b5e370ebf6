#include "sim/access.h"

#include "base/ascii.h"

namespace baton::sim {

std::string_view credential(std::string_view x_api_key, std::string_view authorization) {
  if (!x_api_key.empty()) return x_api_key;
  constexpr std::string_view kBearer = "bearer ";
  if (!ascii::starts_with_ignoring_case(authorization, kBearer)) return {};
  return ascii::trim(authorization.substr(kBearer.size()));
}

Access::Access(const Config& config) {
  for (size_t i = 0; i < config.orgs.size(); ++i) {
    const OrgConfig& org = config.orgs[i];
    for (const KeyConfig& key : org.keys) {
      callers_.try_emplace(key.key, Caller{.org = &org, .org_index = i, .owner = org.id + "/" + key.workspace});
    }
  }
}

Answered<const Caller*> Access::find(std::string_view x_api_key, std::string_view authorization) const {
  std::string_view key = credential(x_api_key, authorization);
  auto it = callers_.find(key);
  if (it == callers_.end()) it = callers_.find(std::string_view("*"));
  if (it != callers_.end()) return &it->second;
  std::string message = "x-api-key header is required";
  if (!x_api_key.empty()) {
    message = "invalid x-api-key";
  } else if (!authorization.empty()) {
    message = "Invalid bearer token";
  }
  return std::unexpected(ApiError{.status = 401, .type = "authentication_error", .message = message});
}

}  // namespace baton::sim
