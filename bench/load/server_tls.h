// The mock's TLS side: one certificate, one session per connection over its own socket. Sessions may be resumed.
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
  TlsSession(SSL_CTX* context, int fd);
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
  std::unique_ptr<TlsSession> accept(int fd) { return std::make_unique<TlsSession>(context_.get(), fd); }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

}  // namespace baton::load
