// RelayApi: what concerns the relay as a whole: its overview, its configuration, its audit log, its reply cache and
// batches, and the description of the API itself. Life: made in app/, outlives the Api. Thread: the operator's loop;
// what waits for the disk or for the loops is done at the Desk. Bounds: kAuditEntriesMax.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api.h"
#include "admin/overview.h"
#include "base/error.h"

namespace baton::admin {

inline constexpr size_t kAuditEntriesMax = 1000;
inline constexpr size_t kJobsMax = 1000;

// The configuration in force.
struct ConfigurationFacts {
  uint64_t revision = 0;
  WallTime loaded;
  std::string path;  // empty: no file
  std::vector<std::string> warnings;
};

class RelayApi {
 public:
  struct Parts {
    const Overview& overview;
    std::function<ConfigurationFacts()> configuration;
    // Takes a changed configuration over. Gives the revision in force, or one sentence that says why it stays.
    std::function<Expected<uint64_t>()> reload;
    std::string folder;  // of the bindings
  };
  explicit RelayApi(Parts parts) : parts_(std::move(parts)) {}
  void serve(Api& api);

 private:
  ApiReply configuration() const;
  runtime::Task<ApiReply> reload(const Api::Parts& api) const;
  runtime::Task<ApiReply> jobs(const Api::Parts& api) const;
  runtime::Task<ApiReply> audit(const Api::Parts& api, std::string query) const;

  Parts parts_;
};

// The OpenAPI 3.1 document, openapi.json beside this file.
std::string_view openapi_text();

}  // namespace baton::admin
