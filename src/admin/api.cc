#include "admin/api.h"

#include "admin/json_writer.h"
#include "base/ascii.h"
#include "runtime/wait.h"

namespace baton::admin {
namespace {

std::string_view error_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 500: return "api_error";
    case 503: return "overloaded_error";
    default: return "invalid_request_error";
  }
}

// Whether an Origin is the port's own: what its page sends.
bool own_origin(std::string_view origin, std::string_view host) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return ascii::equal_ignoring_case(origin.substr(scheme.size()), host);
  }
  return false;
}

bool is_json(std::string_view content_type) {
  return ascii::equal_ignoring_case(ascii::trim(content_type.substr(0, content_type.find(';'))), "application/json");
}

}  // namespace

ApiReply api_error(int status, std::string_view message) {
  ApiReply reply{.status = status};
  JsonWriter json(reply.body);
  json.begin_object().field("type", "error").key("error").begin_object();
  json.field("type", error_type(status)).field("message", message).end_object().end_object();
  reply.body += '\n';
  return reply;
}

ApiReply api_error(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound: return api_error(404, error.detail);
    case ErrorCode::kConfig: return api_error(409, error.detail);
    case ErrorCode::kBadRequest: return api_error(400, error.detail);
    case ErrorCode::kBodyTooLarge: return api_error(413, error.detail);
    case ErrorCode::kOverloaded: return api_error(503, error.detail);
    default: return api_error(500, error.detail);
  }
}

runtime::Task<ApiReply> at_once(ApiReply reply) { co_return reply; }

std::expected<const Caller*, ApiReply> Api::who(const ApiHead& head, Instant now) {
  // Before the token: another site learns not even whether it has a right one.
  const bool foreign = (head.origin && !own_origin(*head.origin, head.host)) ||
                       (head.fetch_site && *head.fetch_site != "same-origin" && *head.fetch_site != "none");
  if (foreign) return std::unexpected(api_error(403, "A page of another origin may not use the operator's API."));
  auto caller = parts_.access.admit(head.authorization, head.peer, now);
  if (caller) return *caller;
  const Denied& denied = caller.error();
  if (denied.status == 401 && head.authorization && parts_.is_client_key) {
    const std::string_view shown = *head.authorization;
    if (ascii::starts_with_ignoring_case(shown, "bearer ") && parts_.is_client_key(ascii::trim(shown.substr(7))))
      return std::unexpected(api_error(403, "This is a client's key; the operator's API needs an operator's token."));
  }
  ApiReply reply = api_error(denied.status, denied.sentence);
  if (denied.status == 401) reply.fields = "www-authenticate: Bearer realm=\"baton\"\r\n";
  if (denied.retry_after.count() > 0)
    reply.fields = "retry-after: " + std::to_string(milliseconds(denied.retry_after) / 1000) + "\r\n";
  return std::unexpected(std::move(reply));
}

std::optional<ApiReply> Api::denied(const ApiHead& head, Instant now) {
  auto caller = who(head, now);
  if (caller) return std::nullopt;
  return std::move(caller.error());
}

std::expected<ApiCall, ApiReply> Api::admit(const ApiHead& head, Instant now) {
  auto caller = who(head, now);
  if (!caller) return std::unexpected(std::move(caller.error()));
  Match match = match_route(head.method, head.path);
  if (match.route == nullptr) {
    if (match.allow.empty())
      return std::unexpected(
          api_error(404, "There is no such path. GET /admin/v1/openapi.json lists those there are."));
    ApiReply reply = api_error(405, "This path has another method: " + match.allow + ".");
    reply.fields = "allow: " + match.allow + "\r\n";
    return std::unexpected(std::move(reply));
  }
  if (head.has_body && (!head.content_type || !is_json(*head.content_type)))
    return std::unexpected(api_error(415, "A body here is JSON: send content-type: application/json."));
  return ApiCall{**caller, match.route, std::move(match.names), std::string(head.query), {}};
}

runtime::Task<ApiReply> Api::run(const ApiCall& call) {
  ApiReply reply;
  const Action& action = actions_[static_cast<size_t>(call.route->operation)];
  if (call.route->role == Role::kOperate && call.caller.role != Role::kOperate) {
    reply = api_error(403, "The token " + call.caller.name + " may read only; this changes something.");
    reply.outcome = "refused: the token may read only";
  } else if (!action) {
    reply = api_error(404, "This relay has nothing to answer that with.");
  } else {
    reply = co_await action(call);
  }
  if (!call.route->action.empty()) co_await note(call, reply);
  co_return reply;
}

runtime::Task<void> Api::note(const ApiCall& call, ApiReply& reply) {
  std::string outcome = reply.outcome;
  if (outcome.empty()) outcome = reply.status < 300 ? "ok" : "failed with status " + std::to_string(reply.status);
  const std::string target = !reply.target.empty() ? reply.target : call.names.empty() ? "" : call.names.front();
  Expected<void> written;
  const auto write = [&] {
    written = parts_.audit.append({.who = call.caller.name,
                                   .role = call.caller.role == Role::kOperate ? "operate" : "read",
                                   .action = call.route->action,
                                   .target = target,
                                   .outcome = outcome},
                                  parts_.loop.wall());
  };
  std::function<void()> work = write;
  const bool done = co_await parts_.desk.do_work(parts_.loop, std::move(work));
  if (done && written) {
    parts_.state.note("audit", "");
    co_return;
  }
  const std::string why = done ? written.error().detail : "too much waits for the disk";
  parts_.state.note("audit", why);
  if (reply.status < 300) reply = api_error(500, "It was done, but it could not be written into the audit log: " + why);
}

}  // namespace baton::admin
