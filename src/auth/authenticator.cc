#include "auth/authenticator.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "auth/loopback.h"
#include "base/ascii.h"
#include "base/check.h"

namespace baton::auth {
namespace {

constexpr std::string_view kLocalName = "local";

std::unexpected<Error> forbidden(std::string sentence) {
  return fail(ErrorCode::kForbidden, Fault::kClient, std::move(sentence));
}

std::unexpected<Error> unauthenticated() {
  return fail(ErrorCode::kUnauthenticated, Fault::kClient,
              "No valid Baton key came with this request. Send a key of the relay's `clients` list, or one that its "
              "operator made, as x-api-key or as a Bearer token.");
}

// The token of "Bearer <token>", or empty. One blank: what follows a second one is part of the token, and no key begins
// with a blank.
std::string_view bearer_token(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  return ascii::starts_with_ignoring_case(value, kScheme) ? value.substr(kScheme.size()) : std::string_view{};
}

// The credentials of one head. Empty values count as absent: clients send them for unset variables.
struct Credentials {
  std::string_view api_key;
  std::string_view bearer;
  std::string_view baton_key;
  bool has_baton_key = false;
};

Expected<Credentials> read_credentials(const http::RequestHead& head) {
  Credentials found;
  int api_keys = 0;
  int authorizations = 0;
  int baton_keys = 0;
  for (const http::Field& field : head.fields) {
    if (field.id == http::FieldId::kXApiKey) {
      ++api_keys;
      found.api_key = field.value;
    } else if (field.id == http::FieldId::kAuthorization) {
      ++authorizations;
      found.bearer = bearer_token(field.value);
    } else if (field.id == http::FieldId::kBatonKey) {
      ++baton_keys;
      found.baton_key = field.value;
    }
  }
  if (api_keys > 1 || authorizations > 1 || baton_keys > 1) {
    return fail(ErrorCode::kBadRequest, Fault::kClient,
                "A credential field came twice: send x-api-key, authorization and baton-key once each at most.");
  }
  found.has_baton_key = baton_keys == 1;
  return found;
}

std::unexpected<Error> no_longer(const std::string& name, bool revoked) {
  return fail(
      ErrorCode::kUnauthenticated, Fault::kClient,
      "The key " + name + (revoked ? " was revoked." : " has expired.") + " Ask the relay's operator for another.");
}

// Without the port that some proxies write behind an address.
std::string_view without_port(std::string_view entry) {
  if (entry.starts_with('[')) {
    const size_t close = entry.find(']');
    return close == entry.npos ? entry : entry.substr(1, close - 1);
  }
  const size_t colon = entry.find(':');
  return colon != entry.npos && entry.find(':', colon + 1) == entry.npos ? entry.substr(0, colon) : entry;
}

uint64_t random_seed() {
  std::array<uint8_t, sizeof(uint64_t)> bytes;
  random_bytes(bytes);
  return std::bit_cast<uint64_t>(bytes);
}

bool is_forwarded_for(const http::Field& field) {
  return field.id == http::FieldId::kXForwarded && ascii::equal_ignoring_case(field.name, "x-forwarded-for");
}

}  // namespace

size_t Authenticator::FirstBytes::operator()(const Sha256& digest) const {
  size_t first;
  std::memcpy(&first, digest.data(), sizeof first);
  return first;
}

Authenticator::Authenticator(const Config& config, const KeyRing* ring)
    : ring_(ring), keys_required_(config.keys_required), recent_(random_seed()) {
  random_bytes(salt_);
  for (const ClientConfig& client : config.clients) {
    const std::string_view key = client.key.reveal();
    BATON_CHECK(!key.empty() && key.size() <= kKeyBytesMax);
    BATON_CHECK(names_.emplace(digest(key), client.name).second);
  }
  for (const std::string& text : config.trusted_proxies) {
    const auto cidr = net::Cidr::parse(text);
    BATON_CHECK(cidr.has_value());
    trusted_proxies_.push_back(*cidr);
  }
}

Sha256 Authenticator::digest(std::string_view key) const {
  std::array<char, std::tuple_size_v<decltype(salt_)> + kKeyBytesMax> salted;
  std::memcpy(salted.data(), salt_.data(), salt_.size());
  std::memcpy(salted.data() + salt_.size(), key.data(), key.size());
  return sha256(std::string_view(salted.data(), salt_.size() + key.size()));
}

const std::string* Authenticator::find_configured(std::string_view key) const {
  const Sha256 wanted = digest(key);
  static constexpr Sha256 kNobody{};
  const auto found = names_.find(wanted);
  const Sha256& candidate = found == names_.end() ? kNobody : found->first;
  const auto bytes = [](const Sha256& d) {
    return std::string_view(reinterpret_cast<const char*>(d.data()), d.size());
  };
  const bool equal = equal_constant_time(bytes(candidate), bytes(wanted));
  return equal && found != names_.end() ? &found->second : nullptr;
}

const KeyRing::Snapshot& Authenticator::stored() const {
  static const KeyRing::Snapshot kNone;
  return ring_ == nullptr ? kNone : view_.of(*ring_);
}

RecentKeys::Found Authenticator::look_up(std::string_view key) const {
  const KeyRing::Snapshot& snapshot = stored();
  RecentKeys::Found found = recent_.find(key, view_.generation());
  if (found.any()) return found;
  found = {.configured = find_configured(key), .held = snapshot.find(key)};
  if (found.any()) recent_.keep(key, found);
  return found;
}

std::optional<Expected<Caller>> Authenticator::find(std::string_view key, WallTime now) const {
  if (key.empty() || key.size() > kKeyBytesMax) return std::nullopt;
  const auto [configured, held] = look_up(key);
  if (configured != nullptr) return Caller{.name = *configured, .client_address = {}};
  if (held == nullptr) return std::nullopt;
  if (held->revoked || (held->until && now >= *held->until)) {
    return no_longer(held->key->name, held->revoked);
  }
  return Caller{.name = held->key->name, .client_address = {}, .key = held->key};
}

Expected<Caller> Authenticator::identify(const http::RequestHead& head, const net::IpAddress& peer,
                                         WallTime now) const {
  const bool open = names_.empty() && !keys_required_ && !stored().any;
  Expected<Caller> caller = is_signed(head) ? identify_signed(head, now)
                            : open          ? identify_local(head, peer)
                                            : identify_client(head, now);
  if (!caller) return caller;
  caller->client_address = client_address(head, peer);
  if (caller->key && !caller->key->from.empty()) {
    const auto address = net::IpAddress::parse(caller->client_address);
    if (!address || !net::contains(caller->key->from, *address)) {
      return forbidden("The key " + caller->key->name +
                       " may not be used from this address. Ask the relay's operator.");
    }
  }
  return caller;
}

Expected<Caller> Authenticator::identify_local(const http::RequestHead& head, const net::IpAddress& peer) const {
  if (!is_loopback(peer)) {
    return forbidden(
        "This relay has no `clients` list, so only programs on its own host may call it. Add clients to its "
        "configuration and send one of their keys.");
  }
  if (!is_loopback_host(head.host)) {
    return forbidden(
        "The Host of this request is not a loopback name. Without a `clients` list the relay answers to localhost, "
        "127.0.0.1 and [::1] only.");
  }
  // Some proxies speak HTTP/1.0 to what is behind them and add nothing that tells of them.
  if (head.version_minor == 0) {
    return forbidden(
        "HTTP/1.0 is how some proxies call. Without a `clients` list use HTTP/1.1, or add clients to the relay's "
        "configuration.");
  }
  for (const http::Field& field : head.fields) {
    switch (field.id) {
      case http::FieldId::kOrigin:
        return forbidden(
            "A web page sent this request (it has an Origin). Without a `clients` list pages may not spend the relay's "
            "key; add clients to its configuration.");
      case http::FieldId::kForwarded:
      case http::FieldId::kXForwarded:
      case http::FieldId::kXRealIp:
      case http::FieldId::kVia:
        return forbidden(
            "A proxy passed this request on (it has Forwarded, X-Forwarded-*, X-Real-IP or Via). Without a `clients` "
            "list that is refused; add clients to the relay's configuration.");
      default: break;
    }
  }
  return Caller{.name = kLocalName, .client_address = {}, .local = true, .brings_own_credential = true};
}

Expected<Caller> Authenticator::identify_client(const http::RequestHead& head, WallTime now) const {
  const Expected<Credentials> sent = read_credentials(head);
  if (!sent) return std::unexpected(sent.error());
  if (sent->has_baton_key) {
    std::optional<Expected<Caller>> caller = find(sent->baton_key, now);
    if (!caller) return unauthenticated();
    // A client that sends Baton's key in both places has no credential of its own that could be forwarded.
    if (*caller) (*caller)->brings_own_credential = !find(sent->api_key, now) && !find(sent->bearer, now);
    return std::move(*caller);
  }
  if (auto caller = find(sent->api_key, now)) return std::move(*caller);
  if (auto caller = find(sent->bearer, now)) return std::move(*caller);
  if (!sent->api_key.empty() && !sent->bearer.empty() && sent->api_key != sent->bearer) {
    return fail(ErrorCode::kBadRequest, Fault::kClient,
                "x-api-key and authorization differ and neither is a Baton key. Send one of them, or Baton's key as "
                "baton-key beside the vendor's.");
  }
  return unauthenticated();
}

Expected<Caller> Authenticator::identify_signed(const http::RequestHead& head, WallTime now) const {
  const Expected<Credentials> sent = read_credentials(head);
  if (!sent) return std::unexpected(sent.error());
  if (sent->has_baton_key) {
    return fail(ErrorCode::kBadRequest, Fault::kClient,
                "The request is signed and carries a baton-key as well. Send one of them.");
  }
  const Expected<SignatureFields> fields = read_signature(head, now);
  if (!fields) return std::unexpected(fields.error());
  const auto& signers = stored().signers;
  const auto found = signers.find(fields->key_id);
  std::vector<Secret> secrets;
  bool outdated = false;
  const std::string text = fields->legacy() ? std::string() : signed_text(head, *fields);
  if (found != signers.end()) {
    for (const auto& [secret, until] : found->second.secrets) {
      if (until && now >= *until) {
        outdated = outdated || (!fields->legacy() && fits(secret, text, fields->signature));
      } else {
        secrets.push_back(secret);
      }
    }
  }
  if (fields->legacy()) {
    if (found == signers.end() || !found->second.legacy || secrets.empty()) return wrong_signature();
  } else {
    // An unknown key costs the same work.
    static const Secret kNobody(std::string(kSigningSecretBytes, '0'));
    if (found == signers.end()) (void)fits(kNobody, text, fields->signature);
    const bool good =
        std::ranges::any_of(secrets, [&](const Secret& secret) { return fits(secret, text, fields->signature); });
    if (!good) return outdated ? no_longer(found->second.key->name, false) : wrong_signature();
  }
  const KeyRing::Signer& signer = found->second;
  if (signer.revoked || (signer.expires && now >= *signer.expires)) {
    // In the older form nothing is shown yet, so nothing is told.
    return fields->legacy() ? wrong_signature() : no_longer(signer.key->name, signer.revoked);
  }
  return Caller{.name = signer.key->name,
                .client_address = {},
                .brings_own_credential = !find(sent->api_key, now) && !find(sent->bearer, now),
                .key = signer.key,
                .proof = std::make_shared<const Proof>(proof_of(*fields, std::move(secrets)))};
}

// From the right, the first address of X-Forwarded-For that is no trusted proxy: what stands left of it anyone can have
// written.
std::string Authenticator::client_address(const http::RequestHead& head, const net::IpAddress& peer) const {
  net::IpAddress client = peer;
  if (trusted_proxies_.empty()) return client.text();
  for (auto field = head.fields.rbegin(); field != head.fields.rend(); ++field) {
    if (!is_forwarded_for(*field)) continue;
    std::string_view left = field->value;
    while (!left.empty()) {
      if (!net::contains(trusted_proxies_, client)) return client.text();
      const size_t comma = left.rfind(',');
      const std::string_view entry = comma == left.npos ? left : left.substr(comma + 1);
      const std::optional<net::IpAddress> hop = net::IpAddress::parse(without_port(ascii::trim(entry)));
      if (!hop) return client.text();
      client = *hop;
      left = comma == left.npos ? std::string_view{} : left.substr(0, comma);
    }
  }
  return client.text();
}

}  // namespace baton::auth
