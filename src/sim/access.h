// Access: which organization and workspace a credential belongs to.
// Life: one per simulator. Thread: immutable. Bounds: the keys of the configuration.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sim/api_error.h"
#include "sim/config.h"

namespace baton::sim {

struct Caller {
  const OrgConfig* org = nullptr;
  size_t org_index = 0;
  std::string owner;  // "org_sim/default": organization and workspace
};

// What the request presents: x-api-key before Authorization: Bearer; empty when there is neither.
std::string_view credential(std::string_view x_api_key, std::string_view authorization);

class Access {
 public:
  // Borrows the configuration.
  explicit Access(const Config& config);
  // 401 for an unknown credential. The key "*" takes any, also none.
  Answered<const Caller*> find(std::string_view x_api_key, std::string_view authorization) const;

 private:
  std::map<std::string, Caller, std::less<>> callers_;
};

}  // namespace baton::sim
