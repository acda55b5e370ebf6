#include "net/socket_stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/check.h"

namespace baton::net {

using runtime::IoResult;
using runtime::IoStatus;

SocketStream::SocketStream(EpollPoller& poller, Fd fd, StreamOptions options)
    : poller_(poller), fd_(std::move(fd)), peer_(options.peer), open_count_(options.open_count) {
  if (options.proxy_header) proxy_header_ = std::make_unique<ProxyHeaderReader>();
  if (fd_ && poller_.watch(fd_.get(), *this)) return;
  fd_.reset();
  socket_readable_ = can_read_ = gone_ = true;
}

SocketStream::~SocketStream() {
  end();
  if (open_count_ != nullptr) open_count_->fetch_sub(1, std::memory_order_relaxed);
}

void SocketStream::end() {
  if (!fd_) return;
  poller_.unwatch(fd_.get());
  fd_.reset();
}

IoResult SocketStream::receive(std::span<char> into) {
  BATON_CHECK(!into.empty());
  if (proxy_header_) [[unlikely]] {
    IoStatus status = read_proxy_header();
    if (status != IoStatus::kOk) return {status, 0};
  }
  return receive_bytes(into);
}

IoStatus SocketStream::read_proxy_header() {
  char buffer[ProxyHeaderReader::kBytesMax];
  for (;;) {
    IoResult got = receive_bytes({buffer, proxy_header_->wanted()});
    if (got.status == IoStatus::kEof) return IoStatus::kReset;
    if (got.status != IoStatus::kOk) return got.status;
    switch (proxy_header_->take({buffer, got.bytes})) {
      case ProxyHeaderReader::Status::kMore: break;
      case ProxyHeaderReader::Status::kMalformed: SocketStream::close(/*reset=*/true); return IoStatus::kReset;
      case ProxyHeaderReader::Status::kDone:
        if (auto source = proxy_header_->source()) {
          peer_ = *source;
          peer_text_.clear();
        }
        proxy_header_.reset();
        return IoStatus::kOk;
    }
  }
}

IoResult SocketStream::receive_bytes(std::span<char> into) {
  if (!fd_) return {IoStatus::kReset, 0};
  ssize_t n;
  do {
    n = ::recv(fd_.get(), into.data(), into.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    // Short: nothing more is there, and whatever comes now is a new edge. Once the peer's end was signalled no edge
    // will come, so that the socket stays readable until the end itself was read.
    if (static_cast<size_t>(n) < into.size() && !gone_) socket_readable_ = false;
    return {IoStatus::kOk, static_cast<size_t>(n)};
  }
  if (n == 0) {
    gone_ = true;
    return {IoStatus::kEof, 0};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    socket_readable_ = false;
    return {IoStatus::kBlocked, 0};
  }
  gone_ = true;
  return {IoStatus::kReset, 0};
}

IoResult SocketStream::send(std::span<const iovec> parts) {
  if (!fd_) return {IoStatus::kReset, 0};
  parts = parts.first(std::min<size_t>(parts.size(), IOV_MAX));
  size_t asked = 0;
  for (const iovec& part : parts) asked += part.iov_len;
  BATON_CHECK(asked > 0);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  ssize_t n;
  do {
    n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    if (static_cast<size_t>(n) < asked) socket_writable_ = false;
    return {IoStatus::kOk, static_cast<size_t>(n)};
  }
  if (n == 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
    socket_writable_ = false;
    return {IoStatus::kBlocked, 0};
  }
  gone_ = true;
  return {IoStatus::kReset, 0};
}

IoResult SocketStream::try_read(std::span<char> into) {
  IoResult result = receive(into);
  can_read_ = socket_readable_ || result.status == IoStatus::kEof || result.status == IoStatus::kReset;
  return result;
}

IoResult SocketStream::try_write(std::span<const iovec> parts) {
  IoResult result = send(parts);
  can_write_ = socket_writable_ || result.status == IoStatus::kReset;
  return result;
}

void SocketStream::close(bool reset) {
  if (!fd_) return;
  if (reset) {
    linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  end();
  socket_readable_ = socket_writable_ = can_read_ = can_write_ = gone_ = true;
  readable.notify();
  writable.notify();
  hangup.notify();
}

void SocketStream::shut_write() {
  if (fd_) ::shutdown(fd_.get(), SHUT_WR);
}

std::optional<Duration> SocketStream::round_trip() const {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (!fd_ || getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_rtt == 0)
    return std::nullopt;
  return std::chrono::microseconds(info.tcpi_rtt);
}

std::string SocketStream::peer_address() const {
  if (peer_text_.empty()) peer_text_ = peer_.text();
  return peer_text_;
}

void SocketStream::take_events(uint32_t events) {
  constexpr uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  // An end can be read, as kEof or kReset; an error shows in either direction.
  if ((events & (EPOLLIN | kEnd)) != 0) socket_readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) socket_writable_ = true;
  if ((events & kEnd) != 0) gone_ = true;
}

void SocketStream::on_ready(uint32_t events) {
  take_events(events);
  if (socket_readable_) {
    can_read_ = true;
    readable.notify();
  }
  if (socket_writable_) {
    can_write_ = true;
    writable.notify();
  }
  if (gone_) hangup.notify();
}

Fd SocketStream::detach() {
  BATON_CHECK(readable.waiter == nullptr && writable.waiter == nullptr && hangup.waiter == nullptr);
  if (fd_) poller_.unwatch(fd_.get());
  can_read_ = can_write_ = gone_ = true;
  return std::move(fd_);
}

void set_stream_options(int fd) {
  int on = 1;
  int idle_s = 60;
  int every_s = 15;
  int probes = 4;
  // Of what the peer has not taken, the kernel keeps no more than this unsent: it would otherwise grow to megabytes
  // behind each slow reader, and our own bound would bound little.
  int unsent_bytes = 256 * 1024;
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

}  // namespace baton::net
