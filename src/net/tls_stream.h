// TlsStream: a TLS connection as a ByteStream, over its own descriptor. The handshake runs inside the first reads and
// writes; a client calls handshake() first. OpenSSL reads and writes through the socket's remembered readiness, so that
// it makes no failing call. After kBlocked the next try_write must begin with the same bytes: the record they were put
// into may be half sent. Life: see SocketStream. Thread: one loop; writing uses one 16 KiB scratch buffer per thread.
// Bounds: OpenSSL's record buffers (34 KiB) while bytes are in flight, released when idle.
// Source: RFC 8446, RFC 5246, SSL_read(3), SSL_write(3).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/socket_stream.h"
#include "net/tls_context.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::net {

class TlsStream final : public SocketStream {
 public:
  // Server side.
  TlsStream(EpollPoller& poller, Fd fd, StreamOptions options, const TlsServerContext& context);
  // Client side, towards `host`, whose certificate is checked.
  TlsStream(EpollPoller& poller, Fd fd, StreamOptions options, TlsClientContext& context, std::string host,
            uint16_t port);
  ~TlsStream() override;

  // kTls: the certificate is refused (the detail says why) or the handshake failed. kConnectTimeout: `until` has come.
  // kCancelled.
  runtime::Task<Expected<void>> handshake(runtime::Loop& loop, runtime::Cancellation& cancel, Instant until);

  // kEof only after the peer's close_notify; an end without it is kReset, since bytes may be missing.
  runtime::IoResult try_read(std::span<char> into) override;
  runtime::IoResult try_write(std::span<const iovec> parts) override;
  // Without `reset` close_notify is sent if the socket takes it at once.
  void close(bool reset) override;
  void shut_write() override;
  void on_ready(uint32_t events) override;

  bool resumed() const;
  // "TLSv1.3"; "http/1.1" or empty. After the handshake.
  std::string_view version() const;
  std::string_view protocol() const;

 private:
  struct Bio;
  void attach();
  // The next record's bytes: a part itself, or several put together in the thread's scratch buffer.
  std::span<const char> gather(std::span<const iovec> parts, size_t skip);
  runtime::IoStatus failed(int result);
  void settle();
  void send_close_notify();
  Error handshake_error();

  SslPtr ssl_;
  TlsClientContext* client_ = nullptr;
  std::string host_;
  size_t record_ = 0;  // bytes of a record that is not wholly sent; they come first in the next try_write
  runtime::IoStatus end_ = runtime::IoStatus::kOk;
  bool socket_ended_ = false;
  bool broken_ = false;
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
  bool close_notify_due_ = false;
};

}  // namespace baton::net
