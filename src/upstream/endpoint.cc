#include "upstream/endpoint.h"

#include "base/ascii.h"

namespace baton::upstream {

namespace {
std::unexpected<Error> wrong(std::string why) { return fail(ErrorCode::kConfig, Fault::kUs, std::move(why)); }
}  // namespace

Expected<Endpoint> parse_endpoint(std::string_view url) {
  Endpoint endpoint;
  if (url.starts_with("https://")) {
    endpoint.target = {.host = {}, .port = 443, .tls = true};
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    endpoint.target = {.host = {}, .port = 80, .tls = false};
    url.remove_prefix(7);
  } else {
    return wrong("must begin with https:// or http://");
  }
  if (url.find_first_of("@?#\\ ") != std::string_view::npos)
    return wrong("must not hold userinfo, a query or a fragment");
  size_t slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? std::string_view{} : url.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.find("..") != std::string_view::npos || path.find("//") != std::string_view::npos)
    return wrong("must not hold .. or //");
  std::string_view host = authority;
  std::string_view port;
  bool bracketed = authority.starts_with('[');
  if (bracketed) {
    size_t close = authority.find(']');
    if (close == std::string_view::npos) return wrong("has a bracket that is not closed");
    host = authority.substr(1, close - 1);
    std::string_view rest = authority.substr(close + 1);
    if (!rest.empty()) {
      if (rest[0] != ':') return wrong("has something behind the bracket");
      port = rest.substr(1);
      if (port.empty()) return wrong("has an empty port");
    }
  } else if (size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
    if (port.empty()) return wrong("has an empty port");
  }
  if (host.empty()) return wrong("has no host");
  bool own_port = true;
  if (!port.empty()) {
    auto number = ascii::decimal(port);
    if (!number || *number == 0 || *number > 65535) return wrong("has a port that is not between 1 and 65535");
    own_port = *number == endpoint.target.port;
    endpoint.target.port = static_cast<uint16_t>(*number);
  }
  endpoint.target.host = host;
  endpoint.path_prefix = path;
  endpoint.host = bracketed ? "[" + std::string(host) + "]" : std::string(host);
  if (!own_port) endpoint.host += ":" + std::to_string(endpoint.target.port);
  return endpoint;
}

}  // namespace baton::upstream
