#include "tls.h"

#include <openssl/err.h>

#include <algorithm>
#include <climits>

namespace baton::load {

namespace {

constexpr auto kModes = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS;

int bounded(size_t bytes) { return static_cast<int>(std::min<size_t>(bytes, INT_MAX)); }

// Of the client's list only http/1.1 will do; a client without it goes on without ALPN.
int choose_http1(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned int in_size, void*) {
  static constexpr unsigned char kHttp1[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp1, sizeof kHttp1 - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

TlsSession::TlsSession(SSL_CTX* context, int fd, Side side) : ssl_(SSL_new(context), &SSL_free) {
  if (!ssl_ || SSL_set_fd(ssl_.get(), fd) != 1) die("SSL_new failed");
  if (side == Side::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

IoResult TlsSession::result(int returned) {
  if (returned > 0) return {Io::kOk, static_cast<size_t>(returned)};
  const int error = SSL_get_error(ssl_.get(), returned);
  ERR_clear_error();
  return {error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Io::kAgain : Io::kEnd, 0};
}

IoResult TlsSession::receive(std::span<char> into) {
  return result(SSL_read(ssl_.get(), into.data(), bounded(into.size())));
}

IoResult TlsSession::transmit(std::string_view bytes) {
  return result(SSL_write(ssl_.get(), bytes.data(), bounded(bytes.size())));
}

ServerTls::ServerTls(const std::string& cert, const std::string& key)
    : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_mode(context, kModes);
  SSL_CTX_set_alpn_select_cb(context, choose_http1, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    die("cannot load " + cert + " and " + key);
  }
}

ClientTls::ClientTls() : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
  SSL_CTX_set_mode(context_.get(), kModes);
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
}

}  // namespace baton::load
