// Api: the operator's API below /admin/v1, without sockets: lets a request in or says why not, runs what it asks for,
// and writes every change into the audit log.
// Life: made in app/, outlives the operator's server. Thread: the operator's loop; actions that wait for the disk do it
// at the Desk. Bounds: those of Access, kBodyBytesMax, kListenersMax.
// Source: openapi.json beside this file, which a test compares with the routes.
#pragma once

#include <array>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/access.h"
#include "admin/admin_pages.h"
#include "admin/audit_log.h"
#include "admin/desk.h"
#include "admin/routes.h"
#include "runtime/cancel.h"
#include "runtime/task.h"

namespace baton::admin {

// What is needed of a request's head.
struct ApiHead {
  std::string_view method;
  std::string_view path;   // without the query
  std::string_view query;  // with its '?', or empty
  std::string_view host;   // trusted already
  std::optional<std::string_view> authorization = {};
  std::optional<std::string_view> origin = {};
  std::optional<std::string_view> fetch_site = {};    // Sec-Fetch-Site
  std::optional<std::string_view> content_type = {};  // where there is a body
  std::string_view peer = {};
  bool has_body = false;
};

// A request that was let in.
struct ApiCall {
  Caller caller;
  const Route* route = nullptr;
  std::vector<std::string> names;
  std::string query;
  std::string body;
  runtime::Cancellation* cancel = nullptr;  // when the client goes or the relay ends; borrowed
};

struct ApiReply {
  int status = 200;
  std::string body;          // JSON
  std::string fields = {};   // complete lines, besides those of every reply
  std::string target = {};   // for the audit log, where the path does not name it
  std::string outcome = {};  // for the audit log; empty: by the status
};

ApiReply api_error(int status, std::string_view message);
// By its code: kNotFound is 404, kConfig 409, kBadRequest 400, kOverloaded 503; else 500.
ApiReply api_error(const Error& error);

// A reply that needed no waiting.
runtime::Task<ApiReply> at_once(ApiReply reply);

class Api {
 public:
  struct Parts {
    Access& access;
    const AuditLog& audit;
    Desk& desk;
    State& state;
    runtime::Loop& loop;
    // Whether a text is a client's key: then the answer is 403 and says what is missing.
    std::function<bool(std::string_view)> is_client_key;
  };
  using Action = std::function<runtime::Task<ApiReply>(const ApiCall&)>;

  explicit Api(Parts parts) : parts_(std::move(parts)) {}

  // What is done for an operation. Once for each, before the first request.
  void on(Operation operation, Action action) { actions_[static_cast<size_t>(operation)] = std::move(action); }

  static bool is_api(std::string_view path) { return path == "/admin" || path.starts_with("/admin/"); }
  // The reply to who has no token and should have one, or comes from another origin; nothing for the others.
  std::optional<ApiReply> denied(const ApiHead& head, Instant now);
  // Before its body is read. The reply otherwise.
  std::expected<ApiCall, ApiReply> admit(const ApiHead& head, Instant now);
  runtime::Task<ApiReply> run(const ApiCall& call);

  const Parts& parts() const { return parts_; }

 private:
  std::expected<const Caller*, ApiReply> who(const ApiHead& head, Instant now);
  runtime::Task<void> note(const ApiCall& call, ApiReply& reply);

  Parts parts_;
  std::array<Action, kOperations> actions_;
};

}  // namespace baton::admin
