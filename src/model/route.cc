#include "model/route.h"

#include <optional>

namespace baton::model {
namespace {

constexpr bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_unreserved(int c) {
  return c < 0x80 && (is_alphanumeric(static_cast<char>(c)) || c == '-' || c == '.' || c == '_' || c == '~');
}

bool is_id(std::string_view text) {
  if (text.empty() || text.size() > kIdBytesMax) return false;
  for (char c : text) {
    if (!is_alphanumeric(c) && c != '_' && c != '-') return false;
  }
  return true;
}

// Model names are the vendor's and belong to no account; partners' spellings have more characters than ids.
bool is_model_id(std::string_view text) {
  if (text.empty() || text.size() > kIdBytesMax || text == "." || text.find("..") != text.npos) return false;
  for (char c : text) {
    if (!is_alphanumeric(c) && c != '_' && c != '-' && c != '.' && c != ':' && c != '@') return false;
  }
  return true;
}

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// An escape is plain when it stands for a character that has to be escaped and that no server takes for structure.
bool is_plain_escape(std::string_view escape) {
  if (escape.size() < 3) return false;
  const int high = hex_digit(escape[1]);
  const int low = hex_digit(escape[2]);
  if (high < 0 || low < 0) return false;
  const int c = high * 16 + low;
  return c >= 0x20 && c != 0x7f && !is_unreserved(c) && c != '/' && c != '\\' && c != '%' && c != ';';
}

// Whether every server reads the path the way it is written.
bool is_plain(std::string_view path) {
  if (path.ends_with('/') || path.ends_with("/.")) return false;
  for (size_t i = 0; i < path.size(); ++i) {
    const std::string_view rest = path.substr(i);
    if (rest.starts_with("//") || rest.starts_with("..") || rest.starts_with("/./")) return false;
    const char c = path[i];
    if (c == ';' || c == '\\' || c <= 0x20 || c >= 0x7f) return false;
    if (c == '%' && !is_plain_escape(rest)) return false;
  }
  return true;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Route known(std::string_view method, std::string_view allow, Route route) {
  route.allow = allow;
  route.wrong_method = method != allow;
  return route;
}

Route none() { return Route{}; }

Route pass_through(std::string_view method, std::string_view path, std::string_view object_id = {}) {
  if (!is_plain(path)) return none();
  return {.operation = Operation::kPassThrough, .object_id = object_id, .creates = method != "GET" && method != "HEAD"};
}

// The path of a collection whose objects belong to the account that made them, split behind the collection's name.
struct ObjectPath {
  std::string_view id;
  std::string_view below;  // what follows the id and its slash
  bool has_below = false;
};

std::optional<ObjectPath> object_path(std::string_view rest) {
  const size_t slash = rest.find('/');
  const ObjectPath path{.id = rest.substr(0, slash),
                        .below = slash == rest.npos ? std::string_view{} : rest.substr(slash + 1),
                        .has_below = slash != rest.npos};
  if (!is_id(path.id)) return std::nullopt;
  return path;
}

Route batch_collection(std::string_view method) {
  constexpr std::string_view kAllow = "GET, POST";
  if (method == "GET") return {.operation = Operation::kBatchList, .allow = kAllow};
  return {.operation = Operation::kBatchCreate,
          .body_bytes_max = kBatchBodyBytesMax,
          .streams_body = true,
          .creates = true,
          .wrong_method = method != "POST",
          .allow = kAllow};
}

Route batch_object(std::string_view method, std::string_view path, std::string_view rest) {
  const std::optional<ObjectPath> object = object_path(rest);
  if (!object) return none();
  if (!object->has_below) {
    const bool remove = method == "DELETE";
    return {.operation = remove ? Operation::kBatchDelete : Operation::kBatchGet,
            .object_id = object->id,
            .wrong_method = !remove && method != "GET",
            .allow = "GET, DELETE"};
  }
  if (object->below == "results") {
    return known(method, "GET", {.operation = Operation::kBatchResults, .object_id = object->id});
  }
  if (object->below == "cancel") {
    return known(method, "POST", {.operation = Operation::kBatchCancel, .object_id = object->id});
  }
  return pass_through(method, path, object->id);
}

Route file_collection(std::string_view method) {
  constexpr std::string_view kAllow = "GET, POST";
  if (method == "GET") return {.operation = Operation::kFileList, .allow = kAllow};
  return {.operation = Operation::kFileUpload,
          .body_bytes_max = kFileBodyBytesMax,
          .streams_body = true,
          .creates = true,
          .wrong_method = method != "POST",
          .allow = kAllow};
}

Route file_object(std::string_view method, std::string_view path, std::string_view rest) {
  const std::optional<ObjectPath> object = object_path(rest);
  if (!object) return none();
  if (!object->has_below) {
    const bool remove = method == "DELETE";
    return {.operation = remove ? Operation::kFileDelete : Operation::kFileGet,
            .object_id = object->id,
            .wrong_method = !remove && method != "GET",
            .allow = "GET, DELETE"};
  }
  if (object->below == "content") {
    return known(method, "GET", {.operation = Operation::kFileContent, .object_id = object->id});
  }
  return pass_through(method, path, object->id);
}

// 128 bits in hex.
bool is_token(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Route probe(std::string_view method) {
  return {.operation = Operation::kProbe,
          .body_bytes_max = 0,
          .wrong_method = method != "GET" && method != "HEAD",
          .allow = "GET, HEAD"};
}

}  // namespace

Route route(std::string_view method, std::string_view path) {
  std::string_view rest = path;
  if (path == "/" || path == "/api/hello") return probe(method);
  if (take_prefix(rest, "/baton/streams/")) {
    if (!is_token(rest)) return none();
    return known(method, "GET", {.operation = Operation::kStreamResume, .object_id = rest, .body_bytes_max = 0});
  }
  if (!take_prefix(rest, "/v1/")) return none();
  if (rest == "messages") {
    return known(method, "POST", {.operation = Operation::kMessages, .inference = true});
  }
  if (rest == "messages/count_tokens") return known(method, "POST", {.operation = Operation::kCountTokens});
  if (rest == "messages/batches") return batch_collection(method);
  if (rest == "models") return known(method, "GET", {.operation = Operation::kModelList});
  if (rest == "files") return file_collection(method);
  if (take_prefix(rest, "messages/batches/")) return batch_object(method, path, rest);
  if (take_prefix(rest, "files/")) return file_object(method, path, rest);
  if (take_prefix(rest, "models/") && is_model_id(rest)) {
    return known(method, "GET", {.operation = Operation::kModelGet});
  }
  return pass_through(method, path);
}

std::string_view name(Operation operation) {
  switch (operation) {
    case Operation::kMessages: return "messages";
    case Operation::kCountTokens: return "count_tokens";
    case Operation::kBatchCreate: return "batch_create";
    case Operation::kBatchList: return "batch_list";
    case Operation::kBatchGet: return "batch_get";
    case Operation::kBatchResults: return "batch_results";
    case Operation::kBatchCancel: return "batch_cancel";
    case Operation::kBatchDelete: return "batch_delete";
    case Operation::kModelList: return "model_list";
    case Operation::kModelGet: return "model_get";
    case Operation::kFileUpload: return "file_upload";
    case Operation::kFileList: return "file_list";
    case Operation::kFileGet: return "file_get";
    case Operation::kFileContent: return "file_content";
    case Operation::kFileDelete: return "file_delete";
    case Operation::kStreamResume: return "stream_resume";
    case Operation::kProbe: return "probe";
    case Operation::kPassThrough: return "pass_through";
    case Operation::kNone: return "none";
  }
  return "none";
}

}  // namespace baton::model
