#include "net/prober.h"

#include <algorithm>
#include <utility>

#include "net/connect_race.h"
#include "net/echo_socket.h"
#include "runtime/wait.h"

namespace baton::net {

namespace {

using runtime::Task;

class SocketProber final : public Prober {
 public:
  SocketProber(runtime::Loop& loop, EpollPoller& poller, Resolver& resolver, ProbeOptions options)
      : loop_(loop), poller_(poller), resolver_(resolver), options_(options) {}

  Task<Expected<Probed>> probe(const runtime::DialTarget& target, bool allow_private,
                               runtime::Cancellation& cancel) override {
    std::string host = target.host;
    auto addresses = co_await resolver_.resolve(std::move(host), cancel);
    if (!addresses) co_return std::unexpected(addresses.error());
    if (!allow_private) std::erase_if(*addresses, is_private_or_local);
    if (addresses->empty())
      co_return fail(ErrorCode::kConnect, Fault::kUs, target.host + ": no address that may be probed");
    const IpAddress address = addresses->front();
    if (options_.echo) {
      auto took = co_await echo(address, cancel);
      if (took || took.error().code == ErrorCode::kCancelled) co_return took;
    }
    const Instant began = loop_.clock().now();
    AddressHealth health;
    RaceOptions race{
        .addresses = {address}, .port = target.port, .connect_timeout = options_.timeout, .stagger = options_.timeout};
    auto connected = co_await connect_race(loop_, poller_, health, std::move(race), cancel);
    if (!connected) co_return std::unexpected(connected.error());
    co_return Probed{loop_.clock().now() - began, ProbeWay::kConnect};
  }

 private:
  Task<Expected<Probed>> echo(IpAddress address, runtime::Cancellation& cancel) {
    EchoSocket socket(poller_);
    const Instant began = loop_.clock().now();
    if (!socket.send(address, ++sequence_))
      co_return fail(ErrorCode::kConnect, Fault::kUs, "no echo can be sent from here");
    const Instant until = loop_.now() + options_.timeout;
    while (!socket.answered()) {
      auto ready = co_await runtime::wait(loop_, {.cancel = &cancel, .until = until, .slot = &socket.readable});
      if (ready & runtime::kCancelled) co_return fail(ErrorCode::kCancelled, Fault::kUs, "cancelled while probing");
      if (ready & runtime::kTimedOut) co_return fail(ErrorCode::kConnectTimeout, Fault::kUpstream, "no echo came back");
    }
    co_return Probed{loop_.clock().now() - began, ProbeWay::kEcho};
  }

  runtime::Loop& loop_;
  EpollPoller& poller_;
  Resolver& resolver_;
  const ProbeOptions options_;
  uint16_t sequence_ = 0;
};

}  // namespace

std::unique_ptr<Prober> make_prober(runtime::Loop& loop, EpollPoller& poller, Resolver& resolver,
                                    ProbeOptions options) {
  return std::make_unique<SocketProber>(loop, poller, resolver, options);
}

}  // namespace baton::net
