// For net's tests: certificates made on the spot with OpenSSL, so that none lies in the repository and none expires.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"

namespace baton::net {

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;
using Certificate = std::unique_ptr<X509, KeyFree>;

// A directory of its own that goes with it.
class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "baton-net-XXXXXX").string();
    BATON_CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct LeafOptions {
  std::string names = "DNS:localhost,IP:127.0.0.1";  // as in openssl.cnf
  long starts_in_s = -3600;
  long ends_in_s = 3600;
};

class TestAuthority {
 public:
  TestAuthority() : key_(make_key()), certificate_(make(name().c_str(), *key_, {.names = ""}, nullptr)) {
    write(file(), *certificate_, nullptr);
  }
  // The CA as PEM.
  std::string file() const { return directory_.file("ca.pem"); }

  struct Leaf {
    std::string cert_file;
    std::string key_file;
  };
  Leaf leaf(const LeafOptions& options = {}) {
    std::string base = "leaf" + std::to_string(++leaves_);
    Leaf out{directory_.file(base + ".pem"), directory_.file(base + ".key")};
    Key key = make_key();
    Certificate certificate = make("leaf", *key, options, this);
    write(out.cert_file, *certificate, nullptr);
    write(out.key_file, *certificate, key.get());
    return out;
  }

 private:
  static std::string name() {
    static int made = 0;
    return "Test Authority " + std::to_string(++made);
  }
  static Key make_key() {
    Key key(EVP_EC_gen("P-256"));
    BATON_CHECK(key);
    return key;
  }
  static void write(const std::string& path, X509& certificate, EVP_PKEY* key) {
    FILE* out = std::fopen(path.c_str(), "w");
    BATON_CHECK(out != nullptr);
    if (key != nullptr) {
      BATON_CHECK(PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    } else {
      BATON_CHECK(PEM_write_X509(out, &certificate) == 1);
    }
    std::fclose(out);
  }
  static void extend(X509& certificate, X509V3_CTX& context, int what, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
    BATON_CHECK(extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  static Certificate make(const char* name, EVP_PKEY& key, const LeafOptions& options, const TestAuthority* issuer) {
    static long serial = 1;
    Certificate out(X509_new());
    X509_set_version(out.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), options.starts_in_s);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), options.ends_in_s);
    X509_set_pubkey(out.get(), &key);
    X509_NAME* subject = X509_get_subject_name(out.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509* by = issuer != nullptr ? issuer->certificate_.get() : out.get();
    X509_set_issuer_name(out.get(), X509_get_subject_name(by));
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, by, out.get(), nullptr, nullptr, 0);
    if (issuer == nullptr) extend(*out, context, NID_basic_constraints, "critical,CA:TRUE");
    if (!options.names.empty()) extend(*out, context, NID_subject_alt_name, options.names.c_str());
    BATON_CHECK(X509_sign(out.get(), issuer != nullptr ? issuer->key_.get() : &key, EVP_sha256()) > 0);
    return out;
  }

  TestDirectory directory_;
  Key key_;
  Certificate certificate_;
  int leaves_ = 0;
};

}  // namespace baton::net
