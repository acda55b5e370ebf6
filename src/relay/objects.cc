#include "relay/objects.h"

#include "base/ascii.h"
#include "http/json.h"

namespace baton::relay {

using model::Operation;

namespace {

constexpr size_t kFileIdsMax = 16;

std::string_view query_value(std::string_view query, std::string_view name) {
  if (query.starts_with('?')) query.remove_prefix(1);
  while (!query.empty()) {
    size_t end = query.find('&');
    std::string_view pair = query.substr(0, end);
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  }
  return {};
}

std::optional<std::string> known_owner(const Parts& parts, std::string_view id) {
  if (id.empty()) return std::nullopt;
  auto owner = parts.bindings.account_of(id);
  return owner ? *owner : std::nullopt;
}

std::optional<std::string> owner_of_files_in(const Parts& parts, std::string_view body) {
  static constexpr std::string_view kKey = "\"file_id\"";
  size_t at = 0;
  for (size_t seen = 0; seen < kFileIdsMax; ++seen) {
    at = body.find(kKey, at);
    if (at == std::string_view::npos) break;
    at += kKey.size();
    size_t open = body.find('"', at);
    size_t close = open == std::string_view::npos ? open : body.find('"', open + 1);
    if (close == std::string_view::npos) break;
    if (auto owner = known_owner(parts, body.substr(open + 1, close - open - 1))) return owner;
  }
  return std::nullopt;
}

std::string own_origin(const Parts& parts, const Call& call) {
  if (!parts.public_url.empty()) return parts.public_url;
  return (parts.tls ? "https://" : "http://") + std::string(call.exchange.head().host);
}

std::string id_of(std::string_view json) {
  thread_local http::JsonScanner scanner;
  std::string padded(json);
  padded.reserve(padded.size() + http::kJsonPadding);
  auto fields = scanner.scan_object(padded);
  if (!fields) return {};
  for (const auto& field : **fields) {
    if (field.key != "id" || field.type != http::JsonType::kString) continue;
    return http::json_string(std::string_view(padded).substr(field.begin, field.end - field.begin)).value_or("");
  }
  return {};
}

}  // namespace

std::string with_results_url(std::string_view json, std::string_view origin) {
  // Inside a JSON string the quotes of this key would be escaped: found like this, it is a key or a string that is just
  // this word; only a key is followed by a colon.
  static constexpr std::string_view kKey = "\"results_url\"";
  std::string out;
  out.reserve(json.size() + 64);
  size_t copied = 0;
  for (size_t at = json.find(kKey); at != std::string_view::npos; at = json.find(kKey, at)) {
    at += kKey.size();
    size_t colon = json.find_first_not_of(" \t\r\n", at);
    if (colon == std::string_view::npos || json[colon] != ':') continue;
    size_t open = json.find_first_not_of(" \t\r\n", colon + 1);
    if (open == std::string_view::npos || json[open] != '"') continue;
    size_t close = json.find('"', open + 1);
    if (close == std::string_view::npos) break;
    std::string_view url = json.substr(open + 1, close - open - 1);
    size_t scheme = url.find("://");
    size_t path = scheme == std::string_view::npos ? std::string_view::npos : url.find("/v1/", scheme + 3);
    if (path == std::string_view::npos) continue;
    out.append(json.substr(copied, open + 1 - copied)).append(origin);
    copied = open + 1 + path;
    at = close;
  }
  out.append(json.substr(copied));
  return out;
}

std::optional<std::string> owner_of(const Parts& parts, const Call& call) {
  if (call.passthrough) return std::nullopt;
  if (!call.route.object_id.empty()) return known_owner(parts, call.route.object_id);
  switch (call.route.operation) {
    case Operation::kBatchList:
    case Operation::kFileList:
      for (std::string_view name : {"after_id", "before_id"}) {
        if (auto owner = known_owner(parts, query_value(call.exchange.head().query, name))) return owner;
      }
      return std::nullopt;
    case Operation::kMessages:
    case Operation::kCountTokens:
      return parts.accounts.size() > 1 && call.facts.names.file_id ? owner_of_files_in(parts, call.exchange.body())
                                                                   : std::nullopt;
    default: return std::nullopt;
  }
}

void take_in_object(const Parts& parts, Call& call, Answer& answer) {
  if (answer.status < 200 || answer.status >= 300 || answer.coding != http::Coding::kIdentity) return;
  switch (call.route.operation) {
    case Operation::kBatchCreate:
    case Operation::kFileUpload: {
      if (call.passthrough) break;
      auto kind =
          call.route.operation == Operation::kBatchCreate ? store::ObjectKind::kBatch : store::ObjectKind::kFile;
      if (auto id = id_of(answer.content); !id.empty()) {
        // A store that cannot save says so in the operator's log; the object is known until the process ends.
        (void)parts.bindings.bind(id, call.outcome.attempts[answer.attempt].account, kind);
      }
      break;
    }
    case Operation::kBatchDelete:
    case Operation::kFileDelete: (void)parts.bindings.forget(call.route.object_id); break;
    default: break;
  }
  switch (call.route.operation) {
    case Operation::kBatchCreate:
    case Operation::kBatchGet:
    case Operation::kBatchList:
    case Operation::kBatchCancel:
      answer.content = with_results_url(answer.content, own_origin(parts, call));
      answer.length = static_cast<int64_t>(answer.content.size());
      break;
    default: break;
  }
}

}  // namespace baton::relay
