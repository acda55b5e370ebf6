// RedisPlace: where a Redis is and who asks it, as its address says: redis://[[user]:password@]host[:port][/database],
// rediss:// for TLS. In user and password any character may be percent-encoded, and some have to be. Pure. Thread: any.
// Bounds: kUrlBytesMax. Source: the registration of the scheme at IANA (read 2026-11).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "config/value.h"

namespace baton::config {

struct RedisPlace {
  bool tls = false;
  std::string host;
  uint16_t port = 6379;
  std::string user;  // empty: the server's default one
  Secret password;   // empty: none
  uint32_t database = 0;
};

// No reason repeats a part of the text, for there is a password in it.
Parsed<RedisPlace> parse_redis_url(std::string_view text);

}  // namespace baton::config
