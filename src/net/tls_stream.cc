#include "net/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "runtime/wait.h"

namespace baton::net {

using runtime::IoResult;
using runtime::IoStatus;

namespace {

constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;  // 16 KiB

// SSL_get_error() looks at the thread's queue, which another user of OpenSSL may have left filled.
void expect_no_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

// The socket as OpenSSL sees it.
struct TlsStream::Bio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, size_t size, size_t* got) {
    TlsStream& self = stream(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    IoResult result{IoStatus::kBlocked, 0};
    if (self.socket_readable_) result = self.receive({into, size});
    if (result.status == IoStatus::kBlocked) BIO_set_retry_read(bio);
    if (result.status == IoStatus::kEof) self.socket_ended_ = true;
    *got = result.bytes;
    return result.status == IoStatus::kOk;
  }

  static int write(BIO* bio, const char* from, size_t size, size_t* put) {
    TlsStream& self = stream(bio);
    BIO_clear_retry_flags(bio);
    *put = 0;
    iovec part{const_cast<char*>(from), size};
    IoResult result{IoStatus::kBlocked, 0};
    if (self.socket_writable_) result = self.send({&part, 1});
    if (result.status == IoStatus::kBlocked) BIO_set_retry_write(bio);
    *put = result.bytes;
    return result.status == IoStatus::kOk;
  }

  static long control(BIO* bio, int what, long, void*) {
    switch (what) {
      case BIO_CTRL_FLUSH: return 1;
      case BIO_CTRL_EOF: return stream(bio).socket_ended_;
      default: return 0;
    }
  }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "baton socket");
      BATON_CHECK(m != nullptr && BIO_meth_set_read_ex(m, read) == 1 && BIO_meth_set_write_ex(m, write) == 1 &&
                  BIO_meth_set_ctrl(m, control) == 1);
      return m;
    }();
    return made;
  }
};

TlsStream::TlsStream(EpollPoller& poller, Fd fd, StreamOptions options, const TlsServerContext& context)
    : SocketStream(poller, std::move(fd), options), ssl_(context.new_connection()) {
  attach();
}

TlsStream::TlsStream(EpollPoller& poller, Fd fd, StreamOptions options, TlsClientContext& context, std::string host,
                     uint16_t port)
    : SocketStream(poller, std::move(fd), options),
      ssl_(context.new_connection(host, port)),
      client_(&context),
      host_(std::move(host)) {
  attach();
}

void TlsStream::attach() {
  BIO* bio = ssl_ ? BIO_new(Bio::method()) : nullptr;
  if (bio == nullptr) {
    ssl_.reset();
    end_ = IoStatus::kReset;
    SocketStream::close(true);
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsStream::~TlsStream() {
  // Without this OpenSSL would take the missing farewell for an attack and mark the session as not to be resumed.
  if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

// What an SSL_ call that did not succeed means. Leaves the error queue empty.
IoStatus TlsStream::failed(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return IoStatus::kBlocked;
    case SSL_ERROR_ZERO_RETURN: return IoStatus::kEof;
    default:
      broken_ = gone_ = true;
      ERR_clear_error();
      return IoStatus::kReset;
  }
}

IoResult TlsStream::try_read(std::span<char> into) {
  BATON_CHECK(!into.empty());
  if (end_ != IoStatus::kOk || !ssl_) return {end_ == IoStatus::kOk ? IoStatus::kReset : end_, 0};
  expect_no_errors();
  size_t got = 0;
  bool blocked = false;
  read_wants_write_ = false;
  // A read gives at most one record: go on until the buffer is full or neither OpenSSL nor the socket has more.
  while (got < into.size() && !blocked && end_ == IoStatus::kOk) {
    size_t n = 0;
    int result = SSL_read_ex(ssl_.get(), into.data() + got, into.size() - got, &n);
    if (result == 1) {
      got += n;
      blocked = !socket_readable_ && SSL_has_pending(ssl_.get()) == 0;
      continue;
    }
    read_wants_write_ = SSL_want_write(ssl_.get());
    IoStatus status = failed(result);
    if (status == IoStatus::kBlocked) {
      blocked = true;
      // The socket may still hold bytes while OpenSSL waits to write; then the next edge is a writable one.
    } else {
      end_ = status;
      gone_ = true;
    }
  }
  can_read_ = end_ != IoStatus::kOk || !blocked;
  // A session ticket makes OpenSSL take a write buffer that nothing would give back before the next write.
  if (blocked && record_ == 0) SSL_free_buffers(ssl_.get());
  settle();
  if (got > 0) return {IoStatus::kOk, got};
  if (end_ != IoStatus::kOk) return {end_, 0};
  return {IoStatus::kBlocked, 0};
}

// The handshake a writer waits for may have been finished by a reader.
void TlsStream::settle() {
  if (!write_wants_read_) return;
  if (!broken_ && SSL_is_init_finished(ssl_.get()) == 0) return;
  write_wants_read_ = false;
  can_write_ = true;
  writable.notify();
}

std::span<const char> TlsStream::gather(std::span<const iovec> parts, size_t skip) {
  static thread_local std::array<char, kRecordBytes> scratch;
  size_t i = 0;
  while (i < parts.size() && skip >= parts[i].iov_len) skip -= parts[i++].iov_len;
  if (i == parts.size()) return {};
  const size_t most = record_ > 0 ? record_ : kRecordBytes;
  std::span<const char> first(static_cast<const char*>(parts[i].iov_base) + skip, parts[i].iov_len - skip);
  const bool alone = std::ranges::all_of(parts.subspan(i + 1), [](const iovec& part) { return part.iov_len == 0; });
  if (alone || first.size() >= most) return first.first(std::min(first.size(), most));
  size_t size = 0;
  for (; i < parts.size() && size < most; ++i, skip = 0) {
    size_t n = std::min(parts[i].iov_len - skip, most - size);
    if (n > 0) std::memcpy(scratch.data() + size, static_cast<const char*>(parts[i].iov_base) + skip, n);
    size += n;
  }
  return {scratch.data(), size};
}

IoResult TlsStream::try_write(std::span<const iovec> parts) {
  if (broken_ || !ssl_) return {IoStatus::kReset, 0};
  expect_no_errors();
  size_t put = 0;
  for (;;) {
    std::span<const char> bytes = gather(parts, put);
    if (bytes.empty()) break;
    BATON_CHECK(bytes.size() >= record_);
    size_t n = 0;
    int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
    if (result == 1) {
      record_ = 0;
      put += n;
      continue;
    }
    const bool wants_read = SSL_want_read(ssl_.get());
    if (failed(result) != IoStatus::kBlocked) {
      can_read_ = true;
      readable.notify();
      return {IoStatus::kReset, 0};
    }
    // During the handshake nothing was made of the bytes yet.
    record_ = SSL_is_init_finished(ssl_.get()) != 0 ? bytes.size() : 0;
    write_wants_read_ = wants_read;
    can_write_ = false;
    break;
  }
  BATON_CHECK(put > 0 || !can_write_);
  if (put > 0) return {IoStatus::kOk, put};
  return {IoStatus::kBlocked, 0};
}

void TlsStream::on_ready(uint32_t events) {
  take_events(events);
  if (socket_readable_) {
    can_read_ = true;
    readable.notify();
  }
  if (socket_readable_ && std::exchange(write_wants_read_, false)) {
    can_write_ = true;
    writable.notify();
  }
  if (socket_writable_) {
    if (close_notify_due_) send_close_notify();
    if (!write_wants_read_) {
      can_write_ = true;
      writable.notify();
    }
    if (std::exchange(read_wants_write_, false)) {
      can_read_ = true;
      readable.notify();
    }
  }
  if (gone_) hangup.notify();
}

void TlsStream::send_close_notify() {
  close_notify_due_ = false;
  if (!ssl_ || broken_ || SSL_in_init(ssl_.get()) || record_ > 0) return;
  expect_no_errors();
  int result = SSL_shutdown(ssl_.get());
  if (result >= 0) return;
  close_notify_due_ = SSL_want_write(ssl_.get());
  ERR_clear_error();
}

void TlsStream::shut_write() { send_close_notify(); }

void TlsStream::close(bool reset) {
  if (!is_open()) return;
  if (!reset) send_close_notify();
  if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  end_ = IoStatus::kReset;
  broken_ = true;
  SocketStream::close(reset);
}

runtime::Task<Expected<void>> TlsStream::handshake(runtime::Loop& loop, runtime::Cancellation& cancel, Instant until) {
  for (;;) {
    if (!ssl_) co_return fail(ErrorCode::kTls, Fault::kUs, "TLS: the connection is closed", Retry::kOtherAccount);
    expect_no_errors();
    int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
      can_read_ = socket_readable_ || SSL_has_pending(ssl_.get()) != 0;
      can_write_ = socket_writable_;
      co_return Expected<void>{};
    }
    const int why = SSL_get_error(ssl_.get(), result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) co_return std::unexpected(handshake_error());
    const bool reads = why == SSL_ERROR_WANT_READ;
    (reads ? can_read_ : can_write_) = false;
    runtime::ByteStream* read = reads ? this : nullptr;
    runtime::ByteStream* write = reads ? nullptr : this;
    auto ready = co_await runtime::wait(loop, {.read = read, .write = write, .cancel = &cancel, .until = until});
    if (ready & runtime::kCancelled) {
      co_return fail(ErrorCode::kCancelled, Fault::kClient, "cancelled during the TLS handshake");
    }
    if ((ready & (runtime::kReadable | runtime::kWritable)) == 0) {
      co_return fail(ErrorCode::kConnectTimeout, Fault::kUpstream, "no end of the TLS handshake with " + host_,
                     Retry::kOtherAccount);
    }
  }
}

Error TlsStream::handshake_error() {
  broken_ = gone_ = true;
  end_ = IoStatus::kReset;
  std::string queued = take_openssl_error();
  std::string why = certificate_problem(ssl_.get(), host_);
  if (why.empty() && socket_ended_) why = "the connection ended during the TLS handshake with " + host_;
  if (why.empty()) why = "TLS handshake with " + host_ + ": " + (queued.empty() ? "the connection was reset" : queued);
  if (client_ != nullptr) client_->forget_session(ssl_.get());
  return Error{ErrorCode::kTls, Fault::kUpstream, Retry::kOtherAccount, std::move(why)};
}

bool TlsStream::resumed() const { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }

std::string_view TlsStream::version() const { return ssl_ ? SSL_get_version(ssl_.get()) : ""; }

std::string_view TlsStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  if (ssl_) SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace baton::net
