// Access: who may use the operator's API, and how often. Tokens are kept as keyed digests only, and compared in
// constant time with every one of them; a wrong token costs its network a share of a small allowance, a right one is
// never kept out by it.
// Life: one per process, made in app/. Thread: the operator's loop. Bounds: kTokensMax tokens, kNetworksMax networks.
// Source: RFC 6750 (bearer tokens); docs/operating.md.
#pragma once

#include <array>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config.h"
#include "base/digest.h"
#include "base/units.h"

namespace baton::admin {

// A bucket of tokens, full at first.
struct Bucket {
  double level = -1;  // below 0: not used yet
  Instant at{};
  // Whether one more is allowed; takes it.
  bool take(double per_second, double most, Instant now);
};

// Who has shown a token.
struct Caller {
  std::string name;
  Role role = Role::kRead;
};

struct Denied {
  int status = 401;
  std::string_view sentence;
  Duration retry_after{0};
};

class Access {
 public:
  explicit Access(std::span<const TokenConfig> tokens);

  // `authorization`: the field's value, nothing when it is not there. 401: no token, or none of ours (one sentence for
  // both); 429: too many calls of a token, or too many wrong tokens from the peer's network. Success: borrowed, lives
  // as long as this.
  std::expected<const Caller*, Denied> admit(std::optional<std::string_view> authorization, std::string_view peer,
                                             Instant now);

  uint64_t wrong_tokens() const { return wrong_; }

 private:
  struct Known {
    Sha256 digest;
    Caller caller;
    Bucket calls;
  };
  Sha256 digest(std::string_view token) const;
  Bucket& network(std::string_view peer, Instant now);

  std::string secret_;
  std::vector<Known> known_;
  std::map<std::string, Bucket, std::less<>> networks_;
  Bucket others_;
  uint64_t wrong_ = 0;
};

}  // namespace baton::admin
