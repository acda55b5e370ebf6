// Route: which of the vendor's operations a path asks for, and what that means for how it is relayed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/units.h"

namespace baton::model {

enum class Operation : uint8_t {
  kMessages,
  kCountTokens,
  kBatchCreate,
  kBatchList,
  kBatchGet,
  kBatchResults,
  kBatchCancel,
  kBatchDelete,
  kModelList,
  kModelGet,
  kFileUpload,
  kFileList,
  kFileGet,
  kFileContent,
  kFileDelete,
  kProbe,        // HEAD / and /api/hello: answered by the relay itself
  kPassThrough,  // any other /v1/ path
  kNone,         // not ours
};

struct Route {
  Operation operation = Operation::kNone;
  std::string_view object_id;   // batch or file id in the path, or empty
  size_t body_bytes_max = 32 * kMiB;
  bool streams_body = false;    // the request body is passed on as it comes and cannot be sent twice
  bool creates = false;         // a retry could create a second thing
  bool inference = false;       // a /v1/messages call: may move to another account before its first event
  bool wrong_method = false;    // the path is known, the method is not
};

// From method text and path (no query). Views are into `path`.
Route route(std::string_view method, std::string_view path);

// For logs and metric labels: "messages", "count_tokens", ...
std::string_view name(Operation operation);

}  // namespace baton::model
