// Endpoint: where an account's base_url points, taken apart once.
// Pure. Source: RFC 3986; the host of a request comes from here and never from the request.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "runtime/byte_stream.h"

namespace baton::upstream {

struct Endpoint {
  runtime::DialTarget target;
  std::string path_prefix;  // "" or "/anthropic": put before every target
  std::string host;         // the Host field, with the port where it is not the scheme's own
};

// "https://api.anthropic.com", "http://[::1]:8080/prefix". kConfig with a reason for anything else: another scheme,
// userinfo, a query, a fragment, an empty host, a bad port.
Expected<Endpoint> parse_endpoint(std::string_view base_url);

}  // namespace baton::upstream
