// AdminPages: what the operator's port answers. A pure function from a request to a reply; the sockets are someone
// else's.
// Life: made in app/, outlives the admin listener. Thread: any.
// Bounds: the pages are bounded by the metrics' closed label lists and by kNotesMax notes. Only a Host that is
// loopback or configured is answered, so that a web page cannot reach the port through a name of its own (DNS
// rebinding).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config.h"
#include "metrics/relay_metrics.h"

namespace baton::admin {

// State: what the process says of itself. Any thread.
struct State {
  std::atomic<bool> ready{false};     // listeners are open
  std::atomic<bool> draining{false};  // SIGTERM was seen

  static constexpr size_t kNotesMax = 64;
  // What is degraded, by topic ("store": "disk full, bindings are kept in memory"). An empty text takes the note away.
  void note(std::string_view topic, std::string_view text);
  std::map<std::string, std::string> notes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> notes_;
};

struct AdminReply {
  int status = 200;
  std::string content_type;
  std::string body;
  std::string allow;  // value of the Allow field, or empty
};

class AdminPages {
 public:
  // Borrows metrics and state for its life.
  AdminPages(const metrics::RelayMetrics& metrics, const State& state, const Config& config);

  // Text that follows the metrics' own at each scrape. Before the first request.
  void add_metrics(std::function<std::string()> more) { more_metrics_ = std::move(more); }

  // `path` may carry a query. Never fails: an unknown path is 404, another method 405, a foreign host 421, in the
  // vendor's error shape. HEAD is answered like GET; the one who writes the reply leaves the body out.
  AdminReply answer(std::string_view method, std::string_view path, std::string_view host_header) const;

  // Whether a request with this Host may be answered at all.
  bool trusted_host(std::string_view host_header) const;

 private:
  AdminReply health() const;
  AdminReply readiness() const;

  const metrics::RelayMetrics& metrics_;
  const State& state_;
  std::vector<std::string> hosts_;
  std::function<std::string()> more_metrics_;
  bool any_address_ = false;  // listening on all addresses: any address literal is one of ours
};

}  // namespace baton::admin
