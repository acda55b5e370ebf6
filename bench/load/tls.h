// TLS of the mock (one certificate) and of the driver (which believes any): a session per connection over its own
// socket. The mock's sessions may be resumed; the driver begins each anew.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "support.h"

namespace baton::load {

class TlsSession {
 public:
  enum class Side { kServer, kClient };
  TlsSession(SSL_CTX* context, int fd, Side side);
  IoResult receive(std::span<char> into);
  IoResult transmit(std::string_view bytes);

 private:
  IoResult result(int returned);
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

class ServerTls {
 public:
  // PEM files; what does not load ends the process.
  ServerTls(const std::string& cert, const std::string& key);
  std::unique_ptr<TlsSession> accept(int fd) {
    return std::make_unique<TlsSession>(context_.get(), fd, TlsSession::Side::kServer);
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

class ClientTls {
 public:
  ClientTls();
  std::unique_ptr<TlsSession> connect(int fd) {
    return std::make_unique<TlsSession>(context_.get(), fd, TlsSession::Side::kClient);
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

}  // namespace baton::load
