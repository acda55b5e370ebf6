#include "admin/admin_pages.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.h"
#include "metrics/log_text.h"

namespace baton::admin {
namespace {

using metrics::append_quoted;
using metrics::cut;

constexpr size_t kNoteBytesMax = 512;

// The host of "host", "host:port" or "[address]:port", without brackets; nothing when it is malformed.
std::optional<std::string_view> host_of(std::string_view field) {
  field = ascii::trim(field);
  std::string_view host;
  std::string_view rest;
  if (field.starts_with('[')) {
    size_t end = field.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = field.substr(1, end - 1);
    rest = field.substr(end + 1);
  } else {
    size_t colon = field.find(':');
    host = field.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : field.substr(colon);
  }
  if (!rest.empty()) {
    std::optional<uint64_t> port = rest.front() == ':' ? ascii::decimal(rest.substr(1)) : std::nullopt;
    if (!port || *port > 65535) return std::nullopt;
  }
  if (host.empty()) return std::nullopt;
  return host;
}

bool is_ipv4(const std::string& host, in_addr& address) { return ::inet_pton(AF_INET, host.c_str(), &address) == 1; }
bool is_ipv6(const std::string& host, in6_addr& address) { return ::inet_pton(AF_INET6, host.c_str(), &address) == 1; }

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (is_ipv4(host, v4)) return (ntohl(v4.s_addr) >> 24) == 127;
  if (is_ipv6(host, v6)) return IN6_IS_ADDR_LOOPBACK(&v6);
  return ascii::equal_ignoring_case(host, "localhost");
}

AdminReply error_reply(int status, std::string_view type, std::string_view message) {
  AdminReply reply{.status = status, .content_type = "application/json", .body = {}, .allow = {}};
  reply.body = "{\"type\":\"error\",\"error\":{\"type\":";
  append_quoted(reply.body, type);
  reply.body += ",\"message\":";
  append_quoted(reply.body, message);
  reply.body += "}}\n";
  return reply;
}

}  // namespace

void State::note(std::string_view topic, std::string_view text) {
  std::lock_guard lock(mutex_);
  auto found = notes_.find(topic);
  if (text.empty()) {
    if (found != notes_.end()) notes_.erase(found);
  } else if (found != notes_.end()) {
    found->second = cut(text, kNoteBytesMax);
  } else if (notes_.size() < kNotesMax) {
    notes_.emplace(cut(topic, kNoteBytesMax), cut(text, kNoteBytesMax));
  }
}

std::map<std::string, std::string> State::notes() const {
  std::lock_guard lock(mutex_);
  return {notes_.begin(), notes_.end()};
}

AdminPages::AdminPages(const metrics::RelayMetrics& metrics, const State& state, const Config& config)
    : metrics_(metrics), state_(state), hosts_(config.hosts) {
  any_address_ = config.address == "0.0.0.0" || config.address == "::";
  hosts_.push_back(config.address);
}

AdminReply AdminPages::answer(std::string_view method, std::string_view path, std::string_view host_header) const {
  if (!trusted_host(host_header)) {
    return error_reply(421, "invalid_request_error",
                       "The Host of this request is not one of the operator's port. Use its address, localhost, or a "
                       "name listed under admin.hosts.");
  }
  path = path.substr(0, path.find('?'));
  bool known = path == "/metrics" || path == "/healthz" || path == "/readyz";
  if (!known) {
    return error_reply(404, "not_found_error",
                       "There is no such page. The operator's port has /metrics, /healthz and /readyz.");
  }
  if (method != "GET" && method != "HEAD") {
    AdminReply reply = error_reply(405, "invalid_request_error", "This page can only be read: use GET.");
    reply.allow = "GET, HEAD";
    return reply;
  }
  if (path == "/healthz") return health();
  if (path == "/readyz") return readiness();
  return {.status = 200,
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = metrics_.text() + (more_metrics_ ? more_metrics_() : std::string()),
          .allow = {}};
}

bool AdminPages::trusted_host(std::string_view host_header) const {
  std::optional<std::string_view> named = host_of(host_header);
  if (!named) return false;
  std::string host(*named);
  if (is_loopback(host)) return true;
  in_addr v4{};
  in6_addr v6{};
  if (any_address_ && (is_ipv4(host, v4) || is_ipv6(host, v6))) return true;
  return std::ranges::any_of(hosts_, [&](const std::string& ours) { return ascii::equal_ignoring_case(ours, host); });
}

AdminReply AdminPages::health() const {
  AdminReply reply{.status = 200, .content_type = "application/json", .body = {}, .allow = {}};
  reply.body = "{\"status\":\"ok\",\"version\":";
  append_quoted(reply.body, metrics_.version());
  reply.body += state_.ready ? ",\"ready\":true" : ",\"ready\":false";
  reply.body += state_.draining ? ",\"draining\":true" : ",\"draining\":false";
  reply.body += ",\"degraded\":{";
  bool first = true;
  for (const auto& [topic, text] : state_.notes()) {
    if (!std::exchange(first, false)) reply.body += ',';
    append_quoted(reply.body, topic);
    reply.body += ':';
    append_quoted(reply.body, text);
  }
  reply.body += "}}\n";
  return reply;
}

AdminReply AdminPages::readiness() const {
  bool draining = state_.draining;
  bool ready = state_.ready && !draining;
  std::string_view body = ready      ? "{\"status\":\"ready\"}\n"
                          : draining ? "{\"status\":\"draining\"}\n"
                                     : "{\"status\":\"starting\"}\n";
  return {.status = ready ? 200 : 503, .content_type = "application/json", .body = std::string(body), .allow = {}};
}

}  // namespace baton::admin
