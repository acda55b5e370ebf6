#include "config/url.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "net/address.h"

namespace baton::config {
namespace {

constexpr size_t kNameBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;

std::unexpected<std::string> no(std::string reason) { return std::unexpected(std::move(reason)); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return ascii::lower(c) >= 'a' && ascii::lower(c) <= 'z'; }

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytesMax || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

// Such a name is read as an address by some resolvers: "2130706433", "0x7f.1", "127.1".
bool ends_in_a_number(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::all_of(last.begin(), last.end(), is_digit) || ascii::starts_with_ignoring_case(last, "0x");
}

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || ends_in_a_number(name)) return false;
  while (true) {
    const size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out;
  for (char c : text) out.push_back(ascii::lower(c));
  return out;
}

bool is_plain_path(std::string_view path) {
  if (path.find("..") != path.npos || path.find("//") != path.npos || path.find("/./") != path.npos ||
      path.ends_with("/.")) {
    return false;
  }
  return std::all_of(path.begin(), path.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || std::string_view("/-._~").contains(c); });
}

// Splits "host:port" or "[v6]:port" into `url`; gives what is wrong with it, or nothing.
std::string read_authority(std::string_view text, Url& url) {
  size_t end = text.find(':');
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    const std::string_view inside = close == text.npos ? std::string_view{} : text.substr(1, close - 1);
    const auto address = net::IpAddress::parse(inside);
    if (!address || inside.find(':') == inside.npos) return "has no valid IPv6 address in its brackets";
    url.host = lower(inside);
    end = close + 1;
  } else {
    const std::string_view host = text.substr(0, end);
    if (!net::IpAddress::parse(host) && !is_host_name(host)) return "has no valid host name or address";
    url.host = lower(host);
  }
  if (end >= text.size()) return {};
  const auto port = ascii::decimal(text.substr(end + 1));
  if (text[end] != ':' || !port || *port < 1 || *port > 65535) return "has no valid port; ports go from 1 to 65535";
  url.port = static_cast<uint16_t>(*port);
  return {};
}

}  // namespace

std::string Url::text() const {
  const bool v6 = host.find(':') != host.npos;
  return scheme + "://" + (v6 ? "[" + host + "]" : host) + (port == 0 ? "" : ":" + std::to_string(port)) + path;
}

Parsed<Url> parse_url(std::string_view text, const UrlRules& rules) {
  if (text.size() > kUrlBytesMax) return no("is longer than 1024 characters");
  for (char c : text) {
    if (c <= 0x20 || c >= 0x7f) return no("has a blank or a character that is not ASCII");
  }
  Url url;
  const size_t separator = text.find("://");
  url.scheme = lower(text.substr(0, separator == text.npos ? 0 : separator));
  if (std::find(rules.schemes.begin(), rules.schemes.end(), url.scheme) == rules.schemes.end()) {
    std::string schemes;
    for (const std::string_view scheme : rules.schemes)
      schemes += (schemes.empty() ? "" : " or ") + std::string(scheme) + "://";
    return no("must begin with " + schemes);
  }
  std::string_view rest = text.substr(separator + 3);
  if (rest.find('#') != rest.npos) return no("must not have a fragment (#)");
  if (rest.find('?') != rest.npos) return no("must not have a query (?)");
  const size_t slash = rest.find('/');
  std::string_view path = slash == rest.npos ? std::string_view{} : rest.substr(slash);
  std::string_view authority = rest.substr(0, slash);
  if (const size_t at = authority.rfind('@'); at != authority.npos) {
    if (!rules.userinfo) return no("must not have a user or a password (@)");
    url.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  if (std::string reason = read_authority(authority, url); !reason.empty()) return no(std::move(reason));
  if (rules.port && url.port == 0) return no("must have a port");
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!path.empty() && !rules.path) return no("must not have a path");
  if (!is_plain_path(path))
    return no("has a path with \"..\", \"//\" or a character other than letters, digits and -._~");
  url.path = path;
  return url;
}

bool is_loopback_name(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  static const std::optional<net::Cidr> kV4 = net::Cidr::parse("127.0.0.0/8");
  static const std::optional<net::Cidr> kV6 = net::Cidr::parse("::1/128");
  const std::optional<net::IpAddress> address = net::IpAddress::parse(host);
  return address && ((kV4 && kV4->contains(*address)) || (kV6 && kV6->contains(*address)));
}

bool is_private_name(std::string_view host) {
  if (is_loopback_name(host)) return true;
  const std::optional<net::IpAddress> address = net::IpAddress::parse(host);
  return address && net::is_private_or_local(*address);
}

}  // namespace baton::config
