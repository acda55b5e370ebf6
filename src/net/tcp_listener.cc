#include "net/tcp_listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/socket_stream.h"
#include "net/tls_stream.h"
#include "runtime/wait.h"

namespace baton::net {

namespace {

constexpr size_t kAcceptsPerTurn = 64;
constexpr Duration kPause = std::chrono::milliseconds(10);

std::unexpected<Error> cannot(const ListenOptions& options, std::string_view what, int error) {
  return fail(ErrorCode::kConfig, Fault::kUs,
              "cannot listen on " + options.address + " port " + std::to_string(options.port) + ": " +
                  std::string(what) + (error != 0 ? std::string(": ") + std::strerror(error) : ""));
}

Fd spare_fd() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

void TcpListener::Socket::on_ready(uint32_t) {
  acceptable = true;
  changed.notify();
}

TcpListener::TcpListener(runtime::Loop& loop, EpollPoller& poller, Fd fd, ListenOptions options)
    : loop_(loop), poller_(poller), options_(std::move(options)), spare_(spare_fd()) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) == 0) port_ = port_of(bound);
  socket_.fd = std::move(fd);
  // Exclusive: of several loops that share an inherited socket, one is woken.
  poller_.watch(socket_.fd.get(), socket_, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE);
}

TcpListener::~TcpListener() { close(); }

bool TcpListener::full() const {
  return options_.open_count != nullptr &&
         options_.open_count->load(std::memory_order_relaxed) >= options_.connections_max;
}

runtime::Task<std::unique_ptr<runtime::ByteStream>> TcpListener::accept() {
  for (;;) {
    if (!socket_.fd) co_return nullptr;
    if (full()) {
      // Streams end on other loops as well, so that looking again is simpler than being told.
      co_await runtime::wait(loop_, {.until = loop_.now() + kPause, .slot = &socket_.changed});
      continue;
    }
    if (!socket_.acceptable && finishing_) {
      close();
      co_return nullptr;
    }
    if (!socket_.acceptable) {
      co_await runtime::wait(loop_, {.slot = &socket_.changed});
      continue;
    }
    if (turn_ != loop_.turns()) {
      turn_ = loop_.turns();
      accepted_in_turn_ = 0;
    }
    if (accepted_in_turn_ >= kAcceptsPerTurn) {
      co_await runtime::yield(loop_);
      continue;
    }
    ++accepted_in_turn_;
    sockaddr_storage peer;
    socklen_t length = sizeof peer;
    Fd fd(::accept4(socket_.fd.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) co_return make_stream(std::move(fd), IpAddress::from(peer));
    switch (errno) {
      case EAGAIN: socket_.acceptable = false; break;
      case EMFILE:
      case ENFILE:
        if (spare_) {
          drop_one();
          break;
        }
        spare_ = spare_fd();
        [[fallthrough]];
      case ENOBUFS:
      case ENOMEM: co_await runtime::wait(loop_, {.until = loop_.now() + kPause, .slot = &socket_.changed}); break;
      default: break;  // ended before it was accepted (ECONNABORTED and network errors, accept(2)): on to the next
    }
  }
}

std::unique_ptr<runtime::ByteStream> TcpListener::make_stream(Fd fd, const IpAddress& peer) {
  if (options_.open_count != nullptr) options_.open_count->fetch_add(1, std::memory_order_relaxed);
  StreamOptions stream{
      .peer = peer, .open_count = options_.open_count, .proxy_header = contains(options_.proxy_protocol_from, peer)};
  if (options_.tls != nullptr) return std::make_unique<TlsStream>(poller_, std::move(fd), stream, *options_.tls);
  return std::make_unique<SocketStream>(poller_, std::move(fd), stream);
}

void TcpListener::drop_one() {
  spare_.reset();
  Fd dropped(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (dropped) ++refused_;
  dropped.reset();
  spare_ = spare_fd();
}

void TcpListener::close() {
  if (!socket_.fd) return;
  poller_.unwatch(socket_.fd.get());
  socket_.fd.reset();
  socket_.changed.notify();
}

void TcpListener::finish() {
  finishing_ = true;
  socket_.acceptable = true;  // one more look
  socket_.changed.notify();
}

void TcpListener::use(ListenOptions options) {
  options.address = std::move(options_.address);
  options.port = options_.port;
  options.reuse_port = options_.reuse_port;
  options.backlog = options_.backlog;
  options_ = std::move(options);
}

Expected<std::unique_ptr<TcpListener>> listen_tcp(runtime::Loop& loop, EpollPoller& poller, ListenOptions options) {
  auto address = IpAddress::parse(options.address);
  if (!address) return cannot(options, "not a numeric address", 0);
  int on = 1;
  int off = 0;
  Fd fd(::socket(address->is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return cannot(options, "socket", errno);
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->is_v6()) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (options.reuse_port && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return cannot(options, "reuse_port", errno);
  }
  SocketAddress local = socket_address(*address, options.port);
  if (::bind(fd.get(), local.get(), local.length) != 0) return cannot(options, "bind", errno);
  set_stream_options(fd.get());  // inherited by what is accepted
  if (::listen(fd.get(), options.backlog) != 0) return cannot(options, "listen", errno);
  return std::make_unique<TcpListener>(loop, poller, std::move(fd), std::move(options));
}

Expected<std::unique_ptr<TcpListener>> adopt_listener(runtime::Loop& loop, EpollPoller& poller, Fd fd,
                                                      ListenOptions options) {
  int listening = 0;
  socklen_t length = sizeof listening;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0)
    return cannot(options, "inherited socket", errno);
  if (listening == 0) return cannot(options, "the inherited socket is not listening", 0);
  int flags = fcntl(fd.get(), F_GETFL);
  if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) return cannot(options, "inherited socket", errno);
  fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  set_stream_options(fd.get());
  return std::make_unique<TcpListener>(loop, poller, std::move(fd), std::move(options));
}

}  // namespace baton::net
