// Authenticator: says who sent a request, or why it may not be served.
// With clients in the configuration, or once a key was ever made, a request needs one of their keys. Without any, only
// programs on this host may call: a foreign Host, any Origin and any sign of a proxy are refused, because a web page or
// a proxy on the same host must not spend the operator's key. Life: one per loop, outlives the requests it has
// identified. Thread: its loop's. Bounds: O(fields of the head); a key longer than kKeyBytesMax is unknown. Never
// suspends. Keys are kept as salted SHA-256 digests, found by digest and confirmed in constant time, and those that
// called lately also as they are (recent_keys.h); an unknown key costs the work of a known one that did not. Source:
// RFC 9110 11.6.2, RFC 6750 2.1, RFC 7239; vendor API reference, authentication (read 2026-11).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/client_key.h"
#include "auth/config.h"
#include "auth/key_ring.h"
#include "auth/recent_keys.h"
#include "auth/signature.h"
#include "base/digest.h"
#include "base/error.h"
#include "http/http1.h"
#include "net/address.h"

namespace baton::auth {

struct Caller {
  std::string_view name;       // the client's, or "local"; lives as long as the Authenticator and `key`
  std::string client_address;  // the peer's, or what a trusted proxy says of it
  bool local = false;          // no clients are configured and the peer is this host
  // x-api-key and authorization are the caller's own credential at the vendor, not Baton's key: a passthrough account
  // may forward them. Where this is false they must not leave the relay.
  bool brings_own_credential = false;
  std::shared_ptr<const ClientKey> key = {};  // one made at run time, else nothing
  // Of a signed request: its nonce is to be claimed and its body checked before anything is done for it.
  std::shared_ptr<const Proof> proof = {};
};

class Authenticator {
 public:
  // The configuration is checked before (config/): a CIDR that cannot be read or a key that cannot be kept is a broken
  // invariant here.
  // `ring`: the keys made at run time; borrowed, or nothing.
  explicit Authenticator(const Config& config, const KeyRing* ring = nullptr);

  // kForbidden also: a key that may not be used from this address.
  // `peer`: where the connection comes from, or what its PROXY header said if the edge believes it.
  // kUnauthenticated: no key, or not one of ours (one sentence for all of it), or one of ours that has expired at `now`
  // or was revoked; or a signature that is out of time or does not fit. kForbidden: only loopback may call and this is
  // not it, or it shows that someone else is behind it. kBadRequest: a credential twice, or two different ones of which
  // none is known. Each carries a sentence for the client, which repeats nothing of the request.
  Expected<Caller> identify(const http::RequestHead& head, const net::IpAddress& peer, WallTime now) const;

 private:
  struct FirstBytes {
    size_t operator()(const Sha256& digest) const;
  };

  Expected<Caller> identify_local(const http::RequestHead& head, const net::IpAddress& peer) const;
  Expected<Caller> identify_client(const http::RequestHead& head, WallTime now) const;
  Expected<Caller> identify_signed(const http::RequestHead& head, WallTime now) const;
  // Of the salt and a key of at most kKeyBytesMax.
  Sha256 digest(std::string_view key) const;
  // A caller with no more than its name and key; kUnauthenticated with a sentence for one of ours that is not valid
  // now; nothing for a key that is not ours.
  std::optional<Expected<Caller>> find(std::string_view key, WallTime now) const;
  RecentKeys::Found look_up(std::string_view key) const;
  const std::string* find_configured(std::string_view key) const;
  const KeyRing::Snapshot& stored() const;
  std::string client_address(const http::RequestHead& head, const net::IpAddress& peer) const;

  const KeyRing* ring_;
  mutable KeyRing::View view_;
  bool keys_required_;
  std::array<uint8_t, 32> salt_;
  std::unordered_map<Sha256, std::string, FirstBytes> names_;
  std::vector<net::Cidr> trusted_proxies_;
  mutable RecentKeys recent_;
};

}  // namespace baton::auth
