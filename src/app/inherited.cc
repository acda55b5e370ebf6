#include "app/inherited.h"

#include <utility>

#include "net/activation.h"

namespace baton::app {

namespace {

bool fits(const edge::ListenConfig& where, const net::Bound& bound) {
  const auto address = net::IpAddress::parse(where.address);
  return address && *address == bound.address && where.port == bound.port;
}

}  // namespace

Expected<void> Inherited::add_activated(std::vector<net::Fd> fds, const config::Settings& settings) {
  for (net::Fd& fd : fds) {
    const auto bound = net::bound_to(fd.get());
    if (!bound) return fail(ErrorCode::kConfig, Fault::kUs, "a socket that the supervisor passes is no TCP socket");
    Socket socket{.role = Role::kCalls, .address = {}, .port = bound->port, .fd = std::move(fd)};
    bool named = false;
    const auto look = [&](Role role, const edge::ListenConfig& where) {
      if (named || !fits(where, *bound)) return;
      named = true;
      socket.role = role;
      socket.address = where.address;
    };
    for (const auto& where : settings.edge.listen) look(Role::kCalls, where);
    look(Role::kOperator, settings.admin);
    if (settings.admin_metrics) look(Role::kMetrics, *settings.admin_metrics);
    if (!named)
      return fail(ErrorCode::kConfig, Fault::kUs,
                  "the supervisor passes a socket for " + bound->text() + ", where the configuration does not listen");
    add(std::move(socket));
  }
  return {};
}

std::vector<net::Fd> Inherited::share(Role role, const edge::ListenConfig& where, size_t index, size_t loops) {
  std::vector<int> all;
  for (const Socket& one : sockets_) {
    if (one.role == role && one.address == where.address && one.port == where.port) all.push_back(one.fd.get());
  }
  std::vector<net::Fd> out;
  const auto take = [&](int one) {
    if (net::Fd fd = net::duplicate(one)) out.push_back(std::move(fd));
  };
  for (size_t i = index; i < all.size(); i += loops) take(all[i]);
  if (out.empty() && !all.empty()) take(all[index % all.size()]);
  return out;
}

}  // namespace baton::app
