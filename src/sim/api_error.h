// ApiError: an answer of the simulated API that says no, and how it is written.
// Source: the vendor's errors page and SDK error types (read 2026-11).
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace baton::sim {

struct ApiError {
  int status = 400;
  std::string_view type = "invalid_request_error";  // a literal
  std::string message;
  std::string code = {};   // details.error_code, or empty
  int retry_after_s = -1;  // a retry-after field when >= 0
};

template <class T>
using Answered = std::expected<T, ApiError>;

inline std::unexpected<ApiError> invalid(std::string message) {
  return std::unexpected(ApiError{.message = std::move(message)});
}

// The error of a bare status, in the vendor's words.
ApiError error_of_status(int status);
// {"type":"error","error":{...},"request_id":"..."}
std::string error_body(const ApiError& error, std::string_view request_id);

}  // namespace baton::sim
