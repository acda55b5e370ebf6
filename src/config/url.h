// Url: the addresses of upstreams, proxies and of the relay itself, as an operator writes them. Strict, since a key
// goes where they say: no historic spellings of numeric addresses, nothing percent-encoded, nothing behind the path.
// Life: values. Thread: any; pure. Bounds: texts of up to kUrlBytesMax. Source: RFC 3986, RFC 1123 2.1.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/value.h"

namespace baton::config {

inline constexpr size_t kUrlBytesMax = 1024;

struct Url {
  std::string scheme;    // lower case
  std::string userinfo;  // "user:password", or empty
  std::string host;      // lower case, without brackets
  uint16_t port = 0;     // 0: none was given
  std::string path;      // "/a/b" without a slash at the end, or empty

  // "scheme://host:port/path" without userinfo.
  std::string text() const;
};

struct UrlRules {
  std::span<const std::string_view> schemes;
  bool path = false;      // a path may follow
  bool userinfo = false;  // user:password@ may precede the host
  bool port = false;      // a port must be given
};

Parsed<Url> parse_url(std::string_view text, const UrlRules& rules);

// localhost, a name below it, 127.0.0.0/8 or ::1.
bool is_loopback_name(std::string_view host);
// A numeric address that no public host can have, or a loopback name. Other names are checked once they are resolved,
// on every connect.
bool is_private_name(std::string_view host);

}  // namespace baton::config
