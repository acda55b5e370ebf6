#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "net/address.h"

namespace baton::net {

namespace {

constexpr size_t kTargetsMax = 256;

// RFC 9325 4.2; AES first, since every machine Baton runs on has it in hardware, unless the client puts ChaCha20 first.
constexpr const char* kTls12Suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-"
    "SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kTls13Suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

std::unexpected<Error> wrong(std::string detail) { return fail(ErrorCode::kConfig, Fault::kUs, std::move(detail)); }

bool set_rules(SSL_CTX* context) {
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kTls12Suites) == 1 && SSL_CTX_set_ciphersuites(context, kTls13Suites) == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1;
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    wire.push_back(static_cast<char>(protocol.size()));
    wire += protocol;
  }
  return wire;
}

const unsigned char* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// An encrypted key must be an error, not a question on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

std::string der_of(X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  std::string out(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  if (size > 0) i2d_X509(certificate, &to);
  return out;
}

struct Target {
  TlsClientContext* context;
  std::string name;
};

// The connection's Target, freed with it.
int target_index() {
  static const int index = SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* target, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Target*>(target); });
  return index;
}

}  // namespace

std::string take_openssl_error() {
  std::string line;
  // The first entry is the cause; what follows says who passed it on.
  if (unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    line = reason != nullptr ? reason : "error " + std::to_string(code);
  }
  ERR_clear_error();
  return line;
}

std::string certificate_problem(SSL* connection, std::string_view host) {
  long result = SSL_get_verify_result(connection);
  std::string name(host);
  switch (result) {
    case X509_V_OK: return {};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "the certificate is not for " + name;
    case X509_V_ERR_CERT_HAS_EXPIRED: return "the certificate of " + name + " has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "the certificate of " + name + " is not valid yet";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "the certificate of " + name + " has an issuer that is not trusted";
    default: return "the certificate of " + name + " is refused: " + X509_verify_cert_error_string(result);
  }
}

Expected<std::unique_ptr<TlsServerContext>> TlsServerContext::make(TlsServerOptions options) {
  std::unique_ptr<TlsServerContext> out(new TlsServerContext(std::move(options)));
  out->alpn_wire_ = alpn_wire(out->options_.alpn);
  if (auto loaded = out->reload(); !loaded) return std::unexpected(loaded.error());
  return out;
}

Expected<void> TlsServerContext::reload() {
  auto context = load();
  if (!context) return std::unexpected(context.error());
  std::lock_guard lock(mutex_);
  context_ = std::move(*context);
  return {};
}

Expected<SslContextPtr> TlsServerContext::load() {
  ERR_clear_error();
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context || !set_rules(context.get())) return wrong("TLS: " + take_openssl_error());
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options_.cert_file.c_str()) != 1) {
    return wrong("TLS certificate " + options_.cert_file + ": " + take_openssl_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return wrong("TLS key " + options_.key_file + ": " + take_openssl_error());
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return wrong("TLS key " + options_.key_file + " is not the key of " + options_.cert_file + ": " +
                 take_openssl_error());
  }
  // Sessions travel in tickets, so that nothing is held for them here and every loop can take them up.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);  // each is a write of its own
  static constexpr unsigned char kContextId[] = "baton";
  SSL_CTX_set_session_id_context(context.get(), kContextId, sizeof kContextId - 1);
  SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, this);
  return context;
}

SslPtr TlsServerContext::new_connection() const {
  std::lock_guard lock(mutex_);
  SslPtr ssl(SSL_new(context_.get()));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

int TlsServerContext::select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                                  unsigned in_size, void* context) {
  const std::string& ours = static_cast<TlsServerContext*>(context)->alpn_wire_;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, bytes_of(ours), static_cast<unsigned>(ours.size()), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Expected<std::unique_ptr<TlsClientContext>> TlsClientContext::make(TlsClientOptions options) {
  ERR_clear_error();
  std::unique_ptr<TlsClientContext> out(new TlsClientContext());
  out->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = out->context_.get();
  if (context == nullptr || !set_rules(context)) return wrong("TLS: " + take_openssl_error());
  int trusted = options.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                        : SSL_CTX_load_verify_file(context, options.ca_file.c_str());
  if (trusted != 1) return wrong("CA file " + options.ca_file + ": " + take_openssl_error());
  ERR_clear_error();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.pins) {
    if (auto pinned = out->pin(options.ca_file); !pinned) return std::unexpected(pinned.error());
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
  std::string alpn = alpn_wire(options.alpn);
  if (!alpn.empty()) SSL_CTX_set_alpn_protos(context, bytes_of(alpn), static_cast<unsigned>(alpn.size()));
  return out;
}

Expected<void> TlsClientContext::pin(const std::string& file) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bytes(BIO_new_file(file.c_str(), "r"), BIO_free);
  while (bytes != nullptr) {
    std::unique_ptr<X509, decltype(&X509_free)> one(PEM_read_bio_X509(bytes.get(), nullptr, no_passphrase, nullptr),
                                                    X509_free);
    if (one == nullptr) break;
    pinned_.push_back(der_of(one.get()));
  }
  ERR_clear_error();
  if (pinned_.empty()) return wrong("CA file " + file + ": has no certificate");
  SSL_CTX_set_cert_verify_callback(context_.get(), check_pinned, this);
  return {};
}

int TlsClientContext::check_pinned(X509_STORE_CTX* chain, void* context) {
  const auto* self = static_cast<const TlsClientContext*>(context);
  X509* leaf = X509_STORE_CTX_get0_cert(chain);
  if (leaf != nullptr && std::ranges::find(self->pinned_, der_of(leaf)) != self->pinned_.end()) {
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
  }
  return X509_verify_cert(chain);
}

SslPtr TlsClientContext::new_connection(const std::string& host, uint16_t port) {
  SslPtr ssl(SSL_new(context_.get()));
  if (!ssl) return nullptr;
  SSL_set_connect_state(ssl.get());
  // "example.com." and "example.com" are one name; certificates and SNI know only the second spelling.
  std::string name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
  if (auto address = IpAddress::parse(host)) {
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl.get());
    if (X509_VERIFY_PARAM_set1_ip(verify, address->bytes().data(), address->is_v4() ? 4 : 16) != 1) return nullptr;
  } else {
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl.get(), name.c_str()) != 1) return nullptr;
    if (SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1) return nullptr;
  }
  auto target = std::make_unique<Target>(Target{this, name + ":" + std::to_string(port)});
  if (SslSessionPtr session = recall(target->name)) SSL_set_session(ssl.get(), session.get());
  if (SSL_set_ex_data(ssl.get(), target_index(), target.get()) == 1) (void)target.release();
  return ssl;
}

int TlsClientContext::on_new_session(SSL* connection, SSL_SESSION* session) {
  if (auto* target = static_cast<Target*>(SSL_get_ex_data(connection, target_index()))) {
    target->context->remember(target->name, session);
  }
  return 0;  // the session stays the caller's; remember() made its own copy
}

void TlsClientContext::remember(const std::string& target, SSL_SESSION* session) {
  // A copy of its own: the connection's session is marked unusable when the connection ends badly.
  SslSessionPtr copy(SSL_SESSION_dup(session));
  if (!copy) return;
  std::lock_guard lock(mutex_);
  if (sessions_.size() >= kTargetsMax && !sessions_.contains(target)) sessions_.erase(sessions_.begin());
  sessions_[target] = std::move(copy);
}

SslSessionPtr TlsClientContext::recall(const std::string& target) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(target);
  if (found == sessions_.end()) return nullptr;
  SSL_SESSION* session = found->second.get();
  long age = static_cast<long>(std::time(nullptr)) - SSL_SESSION_get_time(session);
  if (SSL_SESSION_is_resumable(session) != 1 || age < 0 || age >= SSL_SESSION_get_timeout(session)) {
    sessions_.erase(found);
    return nullptr;
  }
  // Connections on several threads must not share one.
  return SslSessionPtr(SSL_SESSION_dup(session));
}

void TlsClientContext::forget_session(SSL* connection) {
  auto* target = static_cast<Target*>(SSL_get_ex_data(connection, target_index()));
  if (target == nullptr) return;
  std::lock_guard lock(mutex_);
  sessions_.erase(target->name);
}

}  // namespace baton::net
