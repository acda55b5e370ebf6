#include "auth/signature.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/check.h"
#include "base/rfc3339.h"

namespace baton::auth {
namespace {

constexpr std::string_view kSignature = "baton-signature";
constexpr std::string_view kKey = "baton-signature-key";
constexpr std::string_view kTime = "baton-signature-time";
constexpr std::string_view kNonce = "baton-signature-nonce";
constexpr std::string_view kBody = "baton-signature-body";
constexpr size_t kNonceBytesMin = 16;
constexpr size_t kNonceBytesMax = 64;
constexpr size_t kKeyIdBytesMax = 64;

std::unexpected<Error> refuse(std::string sentence) {
  return fail(ErrorCode::kUnauthenticated, Fault::kClient, std::move(sentence));
}

bool is_hex(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

uint8_t hex_value(char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

void append_part(std::string& out, std::string_view value) {
  out.append(std::to_string(value.size())).append(":").append(value).append("\n");
}

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

bool is_signed(const http::RequestHead& head) {
  return std::ranges::any_of(head.fields, [](const http::Field& field) {
    return field.id == http::FieldId::kBatonOther && ascii::starts_with_ignoring_case(field.name, kSignature);
  });
}

Expected<SignatureFields> read_signature(const http::RequestHead& head, WallTime now) {
  SignatureFields out;
  struct {
    std::string_view name;
    std::string_view* value;
    int count = 0;
  } fields[] = {{kSignature, &out.signature},
                {kKey, &out.key_id},
                {kTime, &out.time_text},
                {kNonce, &out.nonce},
                {kBody, &out.body}};
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::kBatonOther) continue;
    for (auto& one : fields) {
      if (!ascii::equal_ignoring_case(field.name, one.name)) continue;
      *one.value = field.value;
      if (++one.count > 1) return refuse("The field " + std::string(one.name) + " came twice.");
    }
  }
  if (!is_hex(out.signature))
    return refuse("The signature must be exactly 64 lower-case hexadecimal digits, in baton-signature.");
  if (out.key_id.empty() || out.key_id.size() > kKeyIdBytesMax || !is_word(out.key_id))
    return refuse("A signed request names its key in baton-signature-key, such as key_0123456789abcdef.");
  const bool nonce = !out.nonce.empty();
  if (nonce && (out.nonce.size() < kNonceBytesMin || out.nonce.size() > kNonceBytesMax || !is_word(out.nonce)))
    return refuse("baton-signature-nonce must be 16 to 64 letters, digits, hyphens or underscores.");
  if (nonce != !out.body.empty())
    return refuse("A signed request has both baton-signature-nonce and baton-signature-body.");
  if (nonce && !is_hex(out.body))
    return refuse("baton-signature-body must be the body's SHA-256 as 64 lower-case hexadecimal digits.");
  const auto time = parse_rfc3339(out.time_text);
  if (!time) return refuse("baton-signature-time must be an RFC 3339 time such as 2026-11-24T12:00:00Z.");
  out.time = *time;
  if (out.time < now - kSignatureWindow || out.time > now + kSignatureWindow) {
    const auto off = std::chrono::round<std::chrono::seconds>(out.time > now ? out.time - now : now - out.time).count();
    return refuse("The request was signed " + std::to_string(off) + " s " + (out.time > now ? "ahead of" : "behind") +
                  " the relay's clock; " + std::to_string(kSignatureWindow.count()) +
                  " s are allowed. Sign it again, or set this client's clock.");
  }
  return out;
}

std::string signed_text(const http::RequestHead& head, const SignatureFields& fields) {
  std::string host(head.host);
  std::ranges::transform(host, host.begin(), ascii::lower);
  const http::Field* coding = head.find(http::FieldId::kContentEncoding);
  std::string out = "baton-signature-v1\n";
  append_part(out, fields.key_id);
  append_part(out, head.method_text);
  append_part(out, host);
  append_part(out, std::string(head.path).append(head.query));
  append_part(out, coding == nullptr ? std::string_view{} : coding->value);
  append_part(out, fields.body);
  append_part(out, fields.time_text);
  append_part(out, fields.nonce);
  return out;
}

bool fits(const Secret& secret, std::string_view text, std::string_view signature) {
  BATON_CHECK(secret.reveal().size() == kSigningSecretBytes);
  return equal_constant_time(hex(hmac_sha256(secret.reveal(), text)), signature);
}

Proof proof_of(const SignatureFields& fields, std::vector<Secret> secrets) {
  Proof proof{.time = fields.time, .legacy = fields.legacy()};
  // The older form has no nonce: its signature counts once.
  const Sha256 mark = sha256(std::string(fields.key_id)
                                 .append(proof.legacy ? ":signature:" : ":nonce:")
                                 .append(proof.legacy ? fields.signature : fields.nonce));
  std::memcpy(proof.mark.data(), mark.data(), proof.mark.size());
  if (proof.legacy) {
    proof.prefix = std::string(fields.time_text) + ":";
    proof.signature = fields.signature;
    proof.secrets = std::move(secrets);
    return proof;
  }
  for (size_t i = 0; i < proof.body.size(); ++i) {
    proof.body[i] = static_cast<uint8_t>(hex_value(fields.body[2 * i]) << 4 | hex_value(fields.body[2 * i + 1]));
  }
  return proof;
}

Expected<void> check_body(const Proof& proof, std::string_view body) {
  if (!proof.legacy) {
    if (equal_constant_time(bytes_of(sha256(body)), bytes_of(proof.body))) return {};
    return refuse(
        "The body is not the one whose digest was signed: it was changed on the way, or encoded after signing.");
  }
  std::string text;
  text.reserve(proof.prefix.size() + body.size());
  text.append(proof.prefix).append(body);
  const bool good =
      std::ranges::any_of(proof.secrets, [&](const Secret& secret) { return fits(secret, text, proof.signature); });
  return good ? Expected<void>{} : wrong_signature();
}

std::unexpected<Error> wrong_signature() {
  return refuse(
      "The signature does not fit this request: the key or its secret is another one, or method, host, path, query, "
      "content-encoding, body digest, time or nonce are not as they were signed.");
}

}  // namespace baton::auth
