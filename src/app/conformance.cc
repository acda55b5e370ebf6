#include "app/conformance.h"

#include <array>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/digest.h"
#include "conformance/report.h"
#include "conformance/suite.h"
#include "net/cares_resolver.h"
#include "net/dialer.h"
#include "net/epoll_poller.h"
#include "net/tcp_listener.h"
#include "net/tls_context.h"

namespace baton::app {

namespace {

int cannot(const std::string& reason) {
  std::fprintf(stderr, "baton conformance: %s\n", reason.c_str());
  return 2;
}

std::string host_of(const config::Url& url) {
  std::string out = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  if (url.port != 0) out += ":" + std::to_string(url.port);
  return out;
}

runtime::Task<void> play(runtime::Loop& loop, conformance::Bench& bench, conformance::Selection selection,
                         std::function<void(const conformance::Result&)> tell,
                         std::optional<std::vector<conformance::Result>>& results) {
  auto done = co_await conformance::play_rows(loop, bench, std::move(selection), std::move(tell));
  results.emplace(std::move(done));
}

// Not to be confused with other runs, and nothing that occurs by itself.
std::string nonce() {
  std::array<uint8_t, 6> bytes;
  random_bytes(bytes);
  return "conformance-" + hex(bytes);
}

}  // namespace

int run_conformance(const Conformance& command) {
  runtime::SystemClock clock;
  net::EpollPoller poller(clock);
  runtime::Loop loop(clock, poller);
  net::CaresResolver resolver(loop, poller, net::CaresOptions{.cache = {}});
  auto listener = net::listen_tcp(
      loop, poller, {.address = command.upstream_address, .port = command.upstream_port, .backlog = 1024});
  if (!listener) return cannot(listener.error().detail);

  const bool secure = command.url.scheme == "https";
  const uint16_t usual_port = secure ? 443 : 80;
  std::unique_ptr<net::TlsClientContext> tls;
  if (secure) {
    auto made = net::TlsClientContext::make({.ca_file = command.ca_file});
    if (!made) return cannot(made.error().detail);
    tls = std::move(*made);
  }
  auto dialer = net::make_tcp_dialer(loop, poller, resolver,
                                     {.target = {.host = command.url.host,
                                                 .port = command.url.port == 0 ? usual_port : command.url.port,
                                                 .tls = secure},
                                      .tls = tls.get(),
                                      .allow_private = true});

  conformance::Upstream upstream(loop, nonce(), command.key);
  const std::string host = command.upstream_address.find(':') == std::string::npos
                               ? command.upstream_address
                               : "[" + command.upstream_address + "]";
  const std::string upstream_url = "http://" + host + ":" + std::to_string((*listener)->port());
  upstream.listen(std::move(*listener));
  conformance::Bench bench({.loop = loop, .gateway = *dialer, .upstream = upstream},
                           {.host_field = host_of(command.url), .prefix = command.url.path, .key = command.key},
                           command.config);
  if (!command.json) {
    std::printf("gateway %s, its upstream %s\n", command.url.text().c_str(), upstream_url.c_str());
    std::fflush(stdout);
  }
  std::string_view part;
  const auto tell = [&](const conformance::Result& result) {
    if (command.json) return;
    std::fputs(conformance::row_text(result, part != result.part).c_str(), stdout);
    std::fflush(stdout);
    part = result.part;
  };
  const Instant began = clock.now();
  std::optional<std::vector<conformance::Result>> results;
  runtime::TaskGroup group;
  group.spawn(play(loop, bench, command.selection, tell, results));
  loop.run_until([&] { return results.has_value(); });
  upstream.close();
  loop.run_until([&] { return upstream.settled(); });
  if (command.json) {
    std::fputs(conformance::report_json(command.url.text(), upstream_url, bench.accounts().size(), *results).c_str(),
               stdout);
  } else {
    std::fputs(conformance::totals_text(*results, clock.now() - began).c_str(), stdout);
  }
  return conformance::totals_of(*results).failed == 0 ? 0 : 1;
}

}  // namespace baton::app
