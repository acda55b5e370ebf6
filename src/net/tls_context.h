// TlsServerContext, TlsClientContext: what all TLS connections of a listener or towards upstreams share: certificates,
// trusted issuers, the rules of the protocol, and remembered sessions. OpenSSL is seen by net/tls_* alone (digests
// apart, which are base/'s). Rules both ways: TLS 1.2 and 1.3, AEAD suites with forward secrecy only, X25519 and P-256,
// no renegotiation, no compression. Life: made at start, outlive every stream. Thread: any. Bounds: client sessions for
// 256 targets, the newest of each. Source: RFC 8446, RFC 5246, RFC 7301 (ALPN), RFC 9325 (recommendations).
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace baton::net {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslContextPtr = std::unique_ptr<SSL_CTX, SslFree>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, SslFree>;

struct TlsServerOptions {
  std::string cert_file;  // PEM, leaf first
  std::string key_file;   // PEM, not encrypted
  // In order of preference. A client that offers only others is refused; one that offers none is served.
  std::vector<std::string> alpn{"http/1.1"};
};

class TlsServerContext {
 public:
  // kConfig: a file cannot be read, is not PEM, or the key is not the certificate's; the detail names it.
  static Expected<std::unique_ptr<TlsServerContext>> make(TlsServerOptions options);

  // Reads the files again; connections made from now on use them. On an error the old ones stay.
  Expected<void> reload();
  // A server side for one connection. Null only when memory ran out.
  SslPtr new_connection() const;

 private:
  explicit TlsServerContext(TlsServerOptions options) : options_(std::move(options)) {}
  Expected<SslContextPtr> load();
  static int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned in_size, void* context);

  const TlsServerOptions options_;
  std::string alpn_wire_;
  mutable std::mutex mutex_;
  SslContextPtr context_;
};

struct TlsClientOptions {
  std::string ca_file;  // PEM; empty: the system's
  std::vector<std::string> alpn{"http/1.1"};
  // What stands in ca_file may also be the peer's own certificate: then it is good as it is, whatever name it is for.
  bool pins = false;
};

// The certificate is always verified, against the host's name or address (but see TlsClientOptions::pins), and the name
// is always sent (SNI).
class TlsClientContext {
 public:
  // kConfig: the CA file cannot be read.
  static Expected<std::unique_ptr<TlsClientContext>> make(TlsClientOptions options = {});

  // A client side for one connection to `host`, offering the session remembered for host and port, if any.
  SslPtr new_connection(const std::string& host, uint16_t port);
  // Forgets the session remembered for the connection's target: it was offered and did no good.
  void forget_session(SSL* connection);

 private:
  TlsClientContext() = default;
  Expected<void> pin(const std::string& file);
  static int check_pinned(X509_STORE_CTX* chain, void* context);
  static int on_new_session(SSL* connection, SSL_SESSION* session);
  void remember(const std::string& target, SSL_SESSION* session);
  SslSessionPtr recall(const std::string& target);

  SslContextPtr context_;
  std::vector<std::string> pinned_;  // DER
  std::mutex mutex_;
  std::unordered_map<std::string, SslSessionPtr> sessions_;
};

// Takes what OpenSSL put into its error queue as one line, and leaves the queue empty.
std::string take_openssl_error();
// Why the peer's certificate was refused, in words ("certificate has expired"); empty when it was not.
std::string certificate_problem(SSL* connection, std::string_view host);

}  // namespace baton::net
