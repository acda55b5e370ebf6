#include "dialect/error_reply.h"

#include <algorithm>

#include "http/json.h"

namespace baton::dialect {
namespace {

using std::chrono::seconds;

struct Row {
  int status;
  std::string_view type;
  bool hopeless;        // the same request again cannot go better
  seconds retry_after;  // 0: nothing is known about when
  std::string_view sentence;
};

Row row(const Error& error) {
  switch (error.code) {
    case ErrorCode::kBadRequest:
      return {400, "invalid_request_error", true, seconds(0), "The request could not be understood."};
    case ErrorCode::kHeadTooLarge:
      return {431, "invalid_request_error", true, seconds(0),
              "The request's header fields are too large. Send fewer or shorter ones."};
    case ErrorCode::kBodyTooLarge:
      return {413, "request_too_large", true, seconds(0),
              "The request body is larger than this endpoint takes: 32 MB for messages, 256 MB for batches, 500 MB for "
              "files."};
    case ErrorCode::kTooSlow:
      // Often the network's mood, so clients may go by their own rule here.
      return {408, "invalid_request_error", false, seconds(0),
              "The request did not arrive in time. Check the network between this client and the relay, then send it "
              "again."};
    case ErrorCode::kUnsupported:
      return {415, "invalid_request_error", true, seconds(0),
              "The request body's type or coding is not supported. Send application/json, plain or with "
              "content-encoding: gzip."};
    case ErrorCode::kMethodNotAllowed:
      return {405, "invalid_request_error", true, seconds(0),
              "This path does not take this method; the allow field lists those it has."};
    case ErrorCode::kVersion:
      return {505, "api_error", true, seconds(0), "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
    case ErrorCode::kNotFound:
      return {404, "not_found_error", true, seconds(0),
              "Nothing is here. Baton serves /v1/messages, /v1/models, /v1/files and the other /v1/ paths of the "
              "Claude API; check the base URL."};
    case ErrorCode::kUnauthenticated:
      return {401, "authentication_error", true, seconds(0),
              "No valid Baton key came with this request. Send a key of the relay's `clients` list, or one that its "
              "operator made, as x-api-key or as a Bearer token."};
    case ErrorCode::kForbidden: return {403, "permission_error", true, seconds(0), "This request is not allowed here."};
    case ErrorCode::kRateLimited:
      return {429, "rate_limit_error", false, seconds(1),
              "This key has reached one of its limits at the relay. Wait, then send the request again."};
    case ErrorCode::kBudgetSpent:
      return {402, "billing_error", true, seconds(0),
              "The budget of this key or of its team is spent. Ask the relay's operator for more."};
    case ErrorCode::kConnect:
      return {502, "api_error", false, seconds(1),
              "The relay could not connect to the upstream. Nothing was sent to it; try again shortly."};
    case ErrorCode::kConnectTimeout:
      return {502, "api_error", false, seconds(1),
              "The upstream did not answer the relay's attempt to connect in time. Nothing was sent to it; try again "
              "shortly."};
    case ErrorCode::kTls:
      return {502, "api_error", false, seconds(5),
              "The relay could not make a trusted TLS connection to the upstream. The operator finds the reason in the "
              "relay's log."};
    case ErrorCode::kReset:
      return {502, "api_error", false, seconds(0),
              "The upstream's connection ended before its answer was complete. What came so far may have been billed; "
              "send the request again."};
    case ErrorCode::kTimeout:
      return {504, "timeout_error", false, seconds(0),
              "The upstream sent nothing for too long and was given up. For long answers use stream: true."};
    case ErrorCode::kBadReply:
      return {502, "api_error", false, seconds(0), "The upstream's answer was malformed and could not be passed on."};
    case ErrorCode::kReplyTooLarge:
      return {
          502, "api_error", true, seconds(0),
          "The upstream's answer is larger than the relay can hold whole. Use stream: true, or ask for fewer tokens."};
    case ErrorCode::kCancelled:
      return {503, "api_error", false, seconds(1),
              "The relay is shutting down. Send the request again: another instance, or the next one, takes it."};
    case ErrorCode::kOverloaded:
      return {529, "overloaded_error", false, seconds(2),
              "The relay is at one of its own limits right now. Try again shortly."};
    case ErrorCode::kNoAccount:
      if (error.retry == Retry::kLater) {
        return {429, "rate_limit_error", false, seconds(10),
                "Every account of the relay is at its limit right now. Try again later."};
      }
      return {503, "api_error", true, seconds(0),
              "No account of the relay may take this request. The operator decides that in the `accounts` list."};
    case ErrorCode::kConfig:
      return {500, "api_error", true, seconds(0),
              "The relay's configuration does not allow this request to be served. Tell its operator."};
    case ErrorCode::kStore:
      return {503, "api_error", false, seconds(5),
              "The relay could not reach its own store, so it did not take this request. Try again shortly."};
    case ErrorCode::kInternal:
      return {500, "api_error", false, seconds(0),
              "The relay failed on this request. Its log has the reason under this request id."};
  }
  return {500, "api_error", false, seconds(0),
          "The relay failed on this request. Its log has the reason under this request id."};
}

// One line of printable ASCII within the bound. A key that slipped into a detail ends at its prefix.
std::string presentable(std::string_view text) {
  static constexpr std::string_view kKeyPrefix = "sk-ant-";
  std::string out;
  for (size_t i = 0; i < text.size() && out.size() < kSentenceBytesMax; ++i) {
    if (text.substr(i).starts_with(kKeyPrefix)) {
      out += "sk-ant-***";
      i += kKeyPrefix.size();
      while (i < text.size() && text[i] > ' ' && text[i] != '"' && text[i] != '\'') ++i;
      --i;
      continue;
    }
    const char c = text[i];
    out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  }
  return out;
}

std::string sentence(const Error& error, const Row& fixed) {
  if (error.fault != Fault::kClient || error.detail.empty()) return std::string(fixed.sentence);
  return presentable(error.detail);
}

std::string json_body(std::string_view type, std::string_view message, std::string_view request_id) {
  std::string body;
  body.reserve(96 + type.size() + message.size() + request_id.size());
  body += R"({"type":"error","error":{"type":")";
  body += type;
  body += R"(","message":)";
  http::append_json_string(body, message);
  body += R"(},"request_id":)";
  http::append_json_string(body, request_id);
  body += '}';
  return body;
}

void append_field(std::string& fields, std::string_view name, std::string_view value) {
  fields += name;
  fields += ": ";
  fields += value;
  fields += "\r\n";
}

// What an answer of this status must or may say besides (RFC 9110 15.5.2, 15.5.6, 15.5.16).
void append_status_fields(std::string& fields, int status, std::string_view allow) {
  if (status == 401) append_field(fields, "www-authenticate", "Bearer realm=\"baton\"");
  if (status == 405) append_field(fields, "allow", allow);
  if (status == 415) {
    append_field(fields, "accept", "application/json");
    append_field(fields, "accept-encoding", "gzip, identity");
  }
}

struct Facts {
  bool hopeless = false;
  seconds retry_after{0};
  std::string_view allow = {};
};

std::string render_fields(int status, std::string_view request_id, const Facts& facts) {
  std::string fields;
  fields.reserve(192 + 2 * request_id.size());
  append_field(fields, "content-type", "application/json");
  if (facts.hopeless) append_field(fields, "x-should-retry", "false");
  if (facts.retry_after.count() > 0) append_field(fields, "retry-after", std::to_string(facts.retry_after.count()));
  append_status_fields(fields, status, facts.allow);
  append_field(fields, "request-id", request_id);
  append_field(fields, "baton-request-id", request_id);
  return fields;
}

}  // namespace

ErrorReply error_reply(const Error& error, std::string_view request_id, const ReplyHints& hints) {
  const Row fixed = row(error);
  Facts facts{.hopeless = fixed.hopeless, .retry_after = fixed.retry_after, .allow = hints.allow};
  if (hints.retry_after > Duration{0} && !facts.hopeless) {
    facts.retry_after = std::chrono::ceil<seconds>(std::min(hints.retry_after, kRetryAfterMax));
  }
  facts.hopeless = facts.hopeless || hints.hopeless;
  return {fixed.status, json_body(fixed.type, sentence(error, fixed), request_id),
          render_fields(fixed.status, request_id, facts)};
}

ErrorReply error_reply(http::HeadError error, std::string_view request_id) {
  const int status = http::head_error_status(error);
  const std::string_view type = status >= 500 ? "api_error" : "invalid_request_error";
  const Facts facts{.hopeless = true, .retry_after = seconds(0), .allow = "GET, HEAD, POST, PUT, PATCH, DELETE"};
  return {status, json_body(type, http::head_error_sentence(error), request_id),
          render_fields(status, request_id, facts)};
}

std::string error_event(const Error& error, std::string_view request_id) {
  const Row fixed = row(error);
  return "event: error\ndata: " + json_body(fixed.type, sentence(error, fixed), request_id) + "\n\n";
}

}  // namespace baton::dialect
