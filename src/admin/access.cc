#include "admin/access.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.h"

namespace baton::admin {
namespace {

constexpr std::string_view kNoToken =
    "The operator's API needs a token: send authorization: Bearer with the content of admin.token in Baton's data "
    "folder, or with a token of admin.tokens.";

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::optional<std::string_view> bearer(std::string_view authorization) {
  if (!ascii::starts_with_ignoring_case(authorization, "bearer ")) return std::nullopt;
  return ascii::trim(authorization.substr(7));
}

// The /24 of an IPv4 address, the /64 of an IPv6 one; what is neither stands for itself.
std::string network_of(std::string_view peer) {
  const std::string text(peer);
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return "4" + hex({reinterpret_cast<const uint8_t*>(&v4), 3});
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return "6" + hex({v6.s6_addr, 8});
  return text;
}

}  // namespace

bool Bucket::take(double per_second, double most, Instant now) {
  level = level < 0 ? most : std::min(most, level + seconds(std::max(now - at, Duration{0})) * per_second);
  at = now;
  if (level < 1) return false;
  level -= 1;
  return true;
}

Access::Access(std::span<const TokenConfig> tokens) {
  std::array<uint8_t, 32> random;
  random_bytes(random);
  secret_.assign(reinterpret_cast<const char*>(random.data()), random.size());
  for (const TokenConfig& one : tokens) {
    if (one.token.empty()) continue;  // an empty token opens nothing
    known_.push_back({digest(one.token.reveal()), {one.name, one.role}, {}});
  }
}

Sha256 Access::digest(std::string_view token) const { return hmac_sha256(secret_, token); }

Bucket& Access::network(std::string_view peer, Instant now) {
  const std::string name = network_of(peer);
  if (auto found = networks_.find(name); found != networks_.end()) return found->second;
  if (networks_.size() >= kNetworksMax) {
    // Those that have been quiet for a minute have nothing to be remembered for.
    std::erase_if(networks_, [now](const auto& one) { return now - one.second.at > std::chrono::minutes(1); });
  }
  return networks_.size() >= kNetworksMax ? others_ : networks_[name];
}

std::expected<const Caller*, Denied> Access::admit(std::optional<std::string_view> authorization, std::string_view peer,
                                                   Instant now) {
  Known* found = nullptr;
  const auto token = authorization ? bearer(*authorization) : std::nullopt;
  if (token && !token->empty() && token->size() <= kTokenBytesMax) {
    const Sha256 shown = digest(*token);
    for (Known& one : known_) {
      if (equal_constant_time(bytes_of(shown), bytes_of(one.digest))) found = &one;
    }
  }
  if (found == nullptr) {
    ++wrong_;
    if (network(peer, now).take(kWrongTokensPerMinute / 60, kWrongTokensPerMinute, now))
      return std::unexpected(Denied{401, kNoToken});
    return std::unexpected(Denied{429,
                                  "There were too many wrong tokens from this network. A right one is still accepted.",
                                  std::chrono::seconds(3)});
  }
  if (!found->calls.take(kCallsPerSecond, kCallsAtOnce, now))
    return std::unexpected(Denied{429, "This token has called too often. Wait a second.", std::chrono::seconds(1)});
  return &found->caller;
}

}  // namespace baton::admin
