// Signatures: a request that shows by HMAC-SHA256 that its sender holds a key, without carrying it. What is signed
// binds the key's id, method, host, path and query, content-encoding, the digest of the body, time and nonce; each with
// its length before it, so that nothing can be moved from one into another. The head alone is checked first: a body is
// read only for who could sign, and compared with its signed digest before anything of it is forwarded.
// The older form `timestamp:body` binds time and body only and is for keys that say so.
// Thread: any; pure. Bounds: those of a request's head; a legacy body is one HMAC.
// Source: RFC 2104, RFC 3339; docs/adr/0007-signed-requests.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/nonce_store.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/units.h"
#include "http/http1.h"

namespace baton::auth {

// What a key's holder and the relay sign with: "bs-<16 hex, the key's id>-<64 hex, the secret>". The HMAC's key are the
// last 64 characters as they stand.
inline constexpr std::string_view kSigningPrefix = "bs-";
inline constexpr size_t kSigningSecretBytes = 64;

// The fields of a signed request. Views into its head.
struct SignatureFields {
  std::string_view key_id;     // baton-signature-key
  std::string_view time_text;  // baton-signature-time
  std::string_view nonce;      // baton-signature-nonce; empty in the older form
  std::string_view body;       // baton-signature-body, 64 hex of SHA-256; empty in the older form
  std::string_view signature;  // baton-signature, 64 hex
  WallTime time;
  bool legacy() const { return nonce.empty(); }
};

bool is_signed(const http::RequestHead& head);

// kUnauthenticated with a sentence: one is missing, twice there or not of its form, or the time is out of the window.
Expected<SignatureFields> read_signature(const http::RequestHead& head, WallTime now);

// The text that is signed.
std::string signed_text(const http::RequestHead& head, const SignatureFields& fields);

// Whether the signature is the one that the secret makes of the text. Constant time.
bool fits(const Secret& secret, std::string_view text, std::string_view signature);

// What is still to be shown of a signed request once its head was accepted. A value.
struct Proof {
  NonceMark mark{};  // to be claimed
  WallTime time;
  bool legacy = false;
  Sha256 body{};  // what the body's digest must be
  // The older form: the body is part of what was signed.
  std::string prefix;  // "<timestamp>:"
  std::string signature;
  std::vector<Secret> secrets;
};

Proof proof_of(const SignatureFields& fields, std::vector<Secret> secrets);

// kUnauthenticated: the body is not the one that was signed.
Expected<void> check_body(const Proof& proof, std::string_view body);

// The sentence for a signature that does not fit, whatever the reason.
std::unexpected<Error> wrong_signature();

}  // namespace baton::auth
