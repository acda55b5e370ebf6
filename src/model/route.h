// Route: which of the vendor's operations a path asks for, and what that means for how it is relayed.
// Nothing is normalised: a path that the vendor could read as another one than Baton does (dot segments, doubled or
// trailing slashes, escapes of characters that need none, ";") is not ours, so that no spelling goes around a rule.
// Life: a value; views are into the path. Thread: any; pure. Bounds: kIdBytesMax; time linear in the path.
// Source: vendor API reference, endpoints and request size limits (read 2026-11).
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
  kStreamResume,  // /baton/streams/{token}: the rest of a stream, from the relay itself
  kProbe,         // HEAD / and /api/hello: answered by the relay itself
  kPassThrough,   // any other /v1/ path
  kNone,          // not ours
};

inline constexpr size_t kIdBytesMax = 128;
inline constexpr size_t kBodyBytesMax = 32 * kMiB;
inline constexpr size_t kBatchBodyBytesMax = 256 * kMiB;
inline constexpr size_t kFileBodyBytesMax = 500 * kMiB;

struct Route {
  Operation operation = Operation::kNone;
  // Batch or file id in the path, or empty. kPassThrough has it too for what lies below such an object.
  std::string_view object_id = {};
  size_t body_bytes_max = kBodyBytesMax;
  bool streams_body = false;    // the request body is passed on as it comes and cannot be sent twice
  bool creates = false;         // a retry could create a second thing
  bool inference = false;       // a /v1/messages call: may move to another account before its first event
  bool wrong_method = false;    // the path is known, the method is not; operation is then what the path usually means
  std::string_view allow = {};  // the methods of a known path, as an Allow field lists them; empty for the others
};

// From method text and path (no query). Views are into `path`; `allow` is static. Never fails: what is
// not ours is kNone.
Route route(std::string_view method, std::string_view path);

// For logs and metric labels: "messages", "count_tokens", ...
std::string_view name(Operation operation);

}  // namespace baton::model
