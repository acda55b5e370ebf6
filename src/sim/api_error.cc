#include "sim/api_error.h"

#include "http/json.h"

namespace baton::sim {

ApiError error_of_status(int status) {
  struct Row {
    int status;
    std::string_view type;
    std::string_view message;
  };
  static constexpr Row kRows[] = {
      {400, "invalid_request_error", "Invalid request"},
      {401, "authentication_error", "invalid x-api-key"},
      {402, "billing_error", "Your credit balance is too low to access the Anthropic API."},
      {403, "permission_error", "Your API key does not have permission to use the specified resource."},
      {404, "not_found_error", "Not found"},
      {405, "invalid_request_error", "Method Not Allowed"},
      {408, "timeout_error", "Request timed out"},
      {409, "conflict_error", "The request conflicts with another one."},
      {413, "request_too_large", "Request exceeds the maximum size"},
      {429, "rate_limit_error", "This request would exceed your organization's rate limit. Please try again later."},
      {500, "api_error", "Internal server error"},
      {503, "api_error", "Service unavailable"},
      {504, "timeout_error", "Request timed out"},
      {529, "overloaded_error", "Overloaded"},
  };
  for (const Row& row : kRows) {
    if (row.status == status) return {.status = status, .type = row.type, .message = std::string(row.message)};
  }
  if (status < 500) return {.status = status, .message = "Request refused"};
  return {.status = status, .type = "api_error", .message = "Internal server error"};
}

std::string error_body(const ApiError& error, std::string_view request_id) {
  std::string out = R"({"type":"error","error":{"type":")";
  out += error.type;
  out += R"(","message":)";
  http::append_json_string(out, error.message);
  if (!error.code.empty()) {
    out += R"(,"details":{"error_code":)";
    http::append_json_string(out, error.code);
    out += '}';
  }
  out += R"(},"request_id":")";
  out += request_id;
  out += "\"}";
  return out;
}

}  // namespace baton::sim
