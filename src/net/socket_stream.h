// SocketStream: a plain TCP connection as a ByteStream. Also the ground under TlsStream, which uses receive() and
// send() below. A read or write costs exactly one system call; readiness is remembered and waits cost none. Life: made
// for a connected, non-blocking descriptor, which it owns; destroying it closes. Nobody may wait on its slots then.
// Thread: one loop. Bounds: holds no bytes (a PROXY header while it is being read, at most 4 KiB).
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "net/address.h"
#include "net/epoll_poller.h"
#include "net/fd.h"
#include "net/proxy_header.h"
#include "runtime/byte_stream.h"

namespace baton::net {

struct StreamOptions {
  IpAddress peer;                             // what peer_address() shows
  std::atomic<size_t>* open_count = nullptr;  // counted down when the stream goes; whoever made it counted up
  bool proxy_header = false;                  // a PROXY v2 header comes first; what it says replaces `peer`
};

class SocketStream : public runtime::ByteStream, public Watched {
 public:
  // When the kernel refuses to watch the descriptor, the stream is born closed: its first read gives kReset.
  SocketStream(EpollPoller& poller, Fd fd, StreamOptions options);
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;
  ~SocketStream() override;

  // `into` must not be empty. kReset also after close().
  runtime::IoResult try_read(std::span<char> into) override;
  // At least one part must have bytes; at most 1024 parts are looked at.
  runtime::IoResult try_write(std::span<const iovec> parts) override;
  // Whoever waits for the stream is woken and sees kReset.
  void close(bool reset) override;
  void shut_write() override;
  std::string peer_address() const override;
  std::optional<Duration> round_trip() const override;

  void on_ready(uint32_t events) override;

  // Gives the descriptor away, no longer watched. The stream is closed afterwards. Nothing may be buffered, nobody may
  // wait.
  Fd detach();

 protected:
  // One recv or sendmsg on the descriptor, keeping the socket's own readiness.
  runtime::IoResult receive(std::span<char> into);
  runtime::IoResult send(std::span<const iovec> parts);
  // The socket's readiness, which is the stream's unless a layer above sets can_read_ and can_write_ itself.
  bool socket_readable_ = false;
  bool socket_writable_ = true;
  // Takes what the events say into the socket's readiness and gone_.
  void take_events(uint32_t events);
  bool is_open() const { return static_cast<bool>(fd_); }

 private:
  void end();
  // kOk when the PROXY header is whole and the connection's own bytes come next.
  runtime::IoStatus read_proxy_header();
  runtime::IoResult receive_bytes(std::span<char> into);

  EpollPoller& poller_;
  Fd fd_;
  IpAddress peer_;
  std::atomic<size_t>* open_count_;
  std::unique_ptr<ProxyHeaderReader> proxy_header_;
  mutable std::string peer_text_;
};

// For sockets we make ourselves (accepted ones inherit them from their listener): no Nagle, keep-alive probes after 60
// s of silence.
void set_stream_options(int fd);

}  // namespace baton::net
