// Routes: every path of the operator's API, who may use it and what it does; one table, from which requests are
// answered and against which openapi.json is checked.
// Thread: any; pure. Bounds: the table; a path of at most kPathBytesMax.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config.h"

namespace baton::admin {

inline constexpr size_t kPathBytesMax = 1024;

enum class Operation : uint8_t {
  kOverview,
  kLive,
  kAccounts,
  kDrainAccount,
  kParkAccount,
  kReleaseAccount,
  kTestAccount,
  kKeys,
  kCreateKey,
  kChangeKey,
  kRotateKey,
  kRevokeKey,
  kTeams,
  kChangeTeam,
  kUsage,
  kCalls,
  kCall,
  kCache,
  kPurgeCache,
  kJobs,
  kConfiguration,
  kReload,
  kAudit,
  kOpenApi,
};
inline constexpr size_t kOperations = static_cast<size_t>(Operation::kOpenApi) + 1;

struct Route {
  std::string_view method;
  std::string_view path;  // "/admin/v1/accounts/{name}/drain"
  Role role = Role::kRead;
  Operation operation = Operation::kOverview;
  std::string_view action;  // as the audit log names it; empty: changes nothing
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> names;  // what stands for {…}, decoded
  std::string allow = {};          // without a route: the methods that the path has; empty: there is no such path
};

// `path` without a query. HEAD is taken for GET.
Match match_route(std::string_view method, std::string_view path);

// The value of a query's parameter, decoded; nothing when it is not there. `query` may begin with '?'.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace baton::admin
