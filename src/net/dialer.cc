#include "net/dialer.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/check.h"
#include "net/connect_race.h"
#include "net/proxy_tunnel.h"
#include "net/socket_stream.h"
#include "net/tls_stream.h"

namespace baton::net {

namespace {

using runtime::ByteStream;
using runtime::Cancellation;
using runtime::DialTarget;
using runtime::Task;

class TcpDialer final : public runtime::Dialer {
 public:
  TcpDialer(runtime::Loop& loop, EpollPoller& poller, Resolver& resolver, DialOptions options)
      : loop_(loop), poller_(poller), resolver_(resolver), options_(std::move(options)) {
    if (options_.target.tls && options_.tls == nullptr) throw std::invalid_argument("a TLS target needs a TLS context");
    if (options_.proxy_url.empty()) return;
    auto proxy = parse_proxy_url(options_.proxy_url);
    if (!proxy) throw std::invalid_argument(proxy.error().detail);
    proxy_ = std::move(*proxy);
  }
  ~TcpDialer() override { BATON_CHECK(dialling_ == 0); }

  Task<Expected<std::unique_ptr<ByteStream>>> dial(Cancellation& cancel) override {
    ++dialling_;
    auto stream = co_await open(cancel);
    --dialling_;
    co_return stream;
  }

 private:
  const std::string& first_hop() const { return proxy_ ? proxy_->host : options_.target.host; }

  // The target's name stands before every reason.
  std::unexpected<Error> because(Error error) const {
    error.detail = options_.target.host + ":" + std::to_string(options_.target.port) + ": " + error.detail;
    return std::unexpected(std::move(error));
  }

  Task<Expected<std::unique_ptr<ByteStream>>> open(Cancellation& cancel) {
    if (cancel.cancelled())
      co_return because({ErrorCode::kCancelled, Fault::kClient, Retry::kNever, "cancelled before connecting"});
    auto connected = co_await connect(cancel);
    if (!connected) co_return because(connected.error());
    StreamOptions stream_options{.peer = connected->address};
    if (proxy_) {
      auto plain = std::make_unique<SocketStream>(poller_, std::move(connected->fd), stream_options);
      const Instant until = loop_.now() + options_.proxy_timeout;
      auto opened = co_await open_tunnel(loop_, *plain, *proxy_, options_.target, until, cancel);
      if (!opened) co_return because(opened.error());
      if (options_.tls == nullptr) co_return std::unique_ptr<ByteStream>(std::move(plain));
      connected->fd = plain->detach();
    }
    if (options_.tls == nullptr)
      co_return std::make_unique<SocketStream>(poller_, std::move(connected->fd), stream_options);
    auto stream = std::make_unique<TlsStream>(poller_, std::move(connected->fd), stream_options, *options_.tls,
                                              options_.target.host, options_.target.port);
    const Instant until = loop_.now() + options_.tls_handshake_timeout;
    auto shaken = co_await stream->handshake(loop_, cancel, until);
    if (!shaken) {
      // A host that takes connections and then says nothing, or hangs up, is no better than one that takes none.
      if (shaken.error().code != ErrorCode::kCancelled && !proxy_) health_.mark_dead(connected->address, loop_.now());
      co_return because(shaken.error());
    }
    co_return std::unique_ptr<ByteStream>(std::move(stream));
  }

  Task<Expected<Connected>> connect(Cancellation& cancel) {
    std::string host = first_hop();
    auto addresses = co_await resolver_.resolve(std::move(host), cancel);
    if (!addresses) co_return std::unexpected(addresses.error());
    // What is checked is what is connected to: the same values go into the race.
    if (!proxy_ && !options_.allow_private) {
      std::string example = addresses->empty() ? "" : addresses->front().text();
      std::erase_if(*addresses, is_private_or_local);
      if (addresses->empty()) {
        co_return fail(ErrorCode::kConnect, Fault::kUs,
                       "leads to " + example + ", which is private or local and not allowed", Retry::kOtherAccount);
      }
    }
    RaceOptions race{.addresses = health_.order(*addresses, loop_.now()),
                     .port = proxy_ ? proxy_->port : options_.target.port,
                     .connect_timeout = options_.connect_timeout,
                     .stagger = options_.address_stagger};
    co_return co_await connect_race(loop_, poller_, health_, std::move(race), cancel);
  }

  runtime::Loop& loop_;
  EpollPoller& poller_;
  Resolver& resolver_;
  DialOptions options_;
  std::optional<ProxyUrl> proxy_;
  AddressHealth health_;
  size_t dialling_ = 0;
};

}  // namespace

std::unique_ptr<runtime::Dialer> make_tcp_dialer(runtime::Loop& loop, EpollPoller& poller, Resolver& resolver,
                                                 DialOptions options) {
  return std::make_unique<TcpDialer>(loop, poller, resolver, std::move(options));
}

}  // namespace baton::net
