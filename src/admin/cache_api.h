// CacheApi: takes kept replies out of the reply cache at the operator's word. What the cache holds is told by Overview.
// Life: made in app/, outlives the Api. Thread: the operator's loop; the removal itself, which looks at every entry, is
// done at the Desk. Bounds: those of a request's body.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "admin/api.h"
#include "base/error.h"

namespace baton::admin {

// Which replies are to go: all, or those for which everything that is named here holds.
struct CacheSelection {
  bool all = false;
  std::string tenant;  // a client's or key's name
  std::string tag;     // one tag of the call that was answered
  std::string key;     // `baton-cache-key` of a reply
};

struct CacheRemoval {
  int64_t entries = 0;
  int64_t bytes = 0;
};

// kBadRequest with a sentence: nothing is named, `all` beside something else, or something that cannot name anything.
Expected<CacheSelection> read_cache_selection(std::string_view body);

class CacheApi {
 public:
  // Any thread; empty where nothing is kept.
  using Purge = std::function<CacheRemoval(const CacheSelection&)>;
  explicit CacheApi(Purge purge) : purge_(std::move(purge)) {}
  void serve(Api& api);

 private:
  runtime::Task<ApiReply> purge(const Api::Parts& api, std::string body) const;

  Purge purge_;
};

}  // namespace baton::admin
