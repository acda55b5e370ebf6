#include "net/proxy_tunnel.h"

#include <openssl/evp.h>

#include <optional>
#include <utility>

#include "base/ascii.h"
#include "net/address.h"
#include "runtime/wait.h"

namespace baton::net {

using runtime::ByteStream;
using runtime::Cancellation;
using runtime::IoStatus;
using runtime::Loop;
using runtime::Task;

namespace {

constexpr size_t kReplyHeadMax = 8 * kKiB;
constexpr size_t kNameMax = 255;

std::unexpected<Error> wrong_url(std::string_view why) {
  return fail(ErrorCode::kConfig, Fault::kUs, "proxy: " + std::string(why));
}

std::unexpected<Error> refused(std::string why) {
  return fail(ErrorCode::kConnect, Fault::kUpstream, "proxy: " + std::move(why), Retry::kOtherAccount);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char l = ascii::lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return std::nullopt;
    out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
    i += 2;
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                             reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

struct Talk {
  Loop& loop;
  ByteStream& stream;
  Instant until;
  Cancellation& cancel;
};

// Why a wait ended without readiness.
std::unexpected<Error> stopped(uint8_t ready) {
  if (ready & runtime::kCancelled)
    return fail(ErrorCode::kCancelled, Fault::kClient, "cancelled while connecting by a proxy");
  return fail(ErrorCode::kConnectTimeout, Fault::kUpstream, "proxy: no answer in time", Retry::kOtherAccount);
}

Task<Expected<void>> say(Talk talk, std::string bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    auto ready =
        co_await runtime::wait(talk.loop, {.write = &talk.stream, .cancel = &talk.cancel, .until = talk.until});
    if ((ready & runtime::kWritable) == 0 || (ready & runtime::kCancelled) != 0) co_return stopped(ready);
    iovec part{bytes.data() + done, bytes.size() - done};
    runtime::IoResult put = talk.stream.try_write({&part, 1});
    if (put.status == IoStatus::kReset) co_return refused("the connection was reset");
    done += put.bytes;
  }
  co_return Expected<void>{};
}

// At least one byte and at most `most`, appended to `into`.
Task<Expected<void>> hear(Talk talk, std::string& into, size_t most) {
  for (;;) {
    auto ready = co_await runtime::wait(talk.loop, {.read = &talk.stream, .cancel = &talk.cancel, .until = talk.until});
    if ((ready & runtime::kReadable) == 0 || (ready & runtime::kCancelled) != 0) co_return stopped(ready);
    const size_t before = into.size();
    into.resize(before + most);
    runtime::IoResult got = talk.stream.try_read({into.data() + before, most});
    into.resize(before + got.bytes);
    if (got.status == IoStatus::kBlocked) continue;
    if (got.status != IoStatus::kOk) co_return refused("the connection ended before its reply did");
    co_return Expected<void>{};
  }
}

Task<Expected<std::string>> hear_exactly(Talk talk, size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    auto heard = co_await hear(talk, out, bytes - out.size());
    if (!heard) co_return std::unexpected(heard.error());
  }
  co_return out;
}

Task<Expected<void>> connect_http(Talk talk, const ProxyUrl& proxy, const runtime::DialTarget& target) {
  const bool brackets = target.host.find(':') != std::string::npos;
  const std::string authority = (brackets ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
  std::string request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!proxy.user.empty()) {
    std::string credentials = std::string(proxy.user.reveal()) + ":" + std::string(proxy.password.reveal());
    request += "Proxy-Authorization: Basic " + base64(credentials) + "\r\n";
  }
  request += "\r\n";
  auto said = co_await say(talk, std::move(request));
  if (!said) co_return said;
  // Whatever follows the head belongs to the tunnel, in which the target never speaks first: bytes there mean a
  // confused proxy.
  std::string head;
  size_t end;
  while ((end = head.find("\r\n\r\n")) == std::string::npos) {
    if (head.size() >= kReplyHeadMax) co_return refused("its reply head is too large");
    auto heard = co_await hear(talk, head, kReplyHeadMax - head.size());
    if (!heard) co_return heard;
  }
  std::string_view line = std::string_view(head).substr(0, head.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') co_return refused("not an HTTP reply");
  std::string_view status = line.substr(9, 3);
  if (!ascii::decimal(status)) co_return refused("not an HTTP reply");
  if (status == "407") co_return refused("407, it wants other credentials");
  if (status[0] != '2') co_return refused("CONNECT was answered with " + ascii::excerpt(line.substr(9)));
  if (end + 4 != head.size()) co_return refused("bytes follow its reply");
  co_return Expected<void>{};
}

std::string_view socks_reply(uint8_t code) {
  switch (code) {
    case 1: return "general failure";
    case 2: return "not allowed by its rules";
    case 3: return "network unreachable";
    case 4: return "host unreachable";
    case 5: return "connection refused";
    case 6: return "TTL expired";
    case 7: return "command not supported";
    case 8: return "address type not supported";
    default: return "an unknown failure";
  }
}

Task<Expected<void>> socks_login(Talk talk, const ProxyUrl& proxy) {
  std::string login("\x01", 1);
  login += static_cast<char>(proxy.user.reveal().size());
  login += proxy.user.reveal();
  login += static_cast<char>(proxy.password.reveal().size());
  login += proxy.password.reveal();
  auto said = co_await say(talk, std::move(login));
  if (!said) co_return said;
  auto answer = co_await hear_exactly(talk, 2);
  if (!answer) co_return std::unexpected(answer.error());
  if ((*answer)[1] != 0) co_return refused("user or password is refused");
  co_return Expected<void>{};
}

std::string socks_request(const runtime::DialTarget& target) {
  std::string request("\x05\x01\x00", 3);
  if (auto address = IpAddress::parse(target.host)) {
    request += address->is_v4() ? '\x01' : '\x04';
    request.append(reinterpret_cast<const char*>(address->bytes().data()), address->is_v4() ? 4 : 16);
  } else {
    request += '\x03';
    request += static_cast<char>(target.host.size());
    request += target.host;
  }
  request += static_cast<char>(target.port >> 8);
  request += static_cast<char>(target.port & 0xff);
  return request;
}

Task<Expected<void>> connect_socks5(Talk talk, const ProxyUrl& proxy, const runtime::DialTarget& target) {
  if (target.host.size() > kNameMax) co_return refused("the target's name is too long for SOCKS5");
  const bool with_login = !proxy.user.empty();
  auto said = co_await say(talk, with_login ? std::string("\x05\x02\x00\x02", 4) : std::string("\x05\x01\x00", 3));
  if (!said) co_return said;
  auto method = co_await hear_exactly(talk, 2);
  if (!method) co_return std::unexpected(method.error());
  if ((*method)[0] != 5) co_return refused("not a SOCKS5 reply");
  if ((*method)[1] == 2 && with_login) {
    auto logged_in = co_await socks_login(talk, proxy);
    if (!logged_in) co_return logged_in;
  } else if ((*method)[1] != 0) {
    co_return refused("it accepts none of our ways to log in");
  }
  std::string request = socks_request(target);
  said = co_await say(talk, std::move(request));
  if (!said) co_return said;
  auto reply = co_await hear_exactly(talk, 4);
  if (!reply) co_return std::unexpected(reply.error());
  if ((*reply)[0] != 5) co_return refused("not a SOCKS5 reply");
  if ((*reply)[1] != 0) co_return refused(std::string(socks_reply(static_cast<uint8_t>((*reply)[1]))));
  size_t rest = 0;  // the address it bound, which nobody needs, and its port
  switch ((*reply)[3]) {
    case 1: rest = 4 + 2; break;
    case 4: rest = 16 + 2; break;
    case 3: {
      auto size = co_await hear_exactly(talk, 1);
      if (!size) co_return std::unexpected(size.error());
      rest = static_cast<uint8_t>((*size)[0]) + size_t{2};
      break;
    }
    default: co_return refused("not a SOCKS5 reply");
  }
  auto bound = co_await hear_exactly(talk, rest);
  if (!bound) co_return std::unexpected(bound.error());
  co_return Expected<void>{};
}

}  // namespace

Expected<ProxyUrl> parse_proxy_url(std::string_view url) {
  ProxyUrl out;
  size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos)
    return wrong_url("a URL is expected, such as http://host:3128 or socks5://host:1080");
  std::string_view scheme = url.substr(0, scheme_end);
  if (ascii::equal_ignoring_case(scheme, "http")) {
    out.port = 80;
  } else if (ascii::equal_ignoring_case(scheme, "socks5") || ascii::equal_ignoring_case(scheme, "socks5h")) {
    out.kind = ProxyUrl::Kind::kSocks5;
    out.port = 1080;
  } else {
    return wrong_url("scheme " + ascii::excerpt(scheme, 16) + " is not http, socks5 or socks5h");
  }
  std::string_view rest = url.substr(scheme_end + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (size_t at = rest.rfind('@'); at != std::string_view::npos) {
    std::string_view both = rest.substr(0, at);
    rest = rest.substr(at + 1);
    size_t colon = both.find(':');
    auto user = percent_decoded(both.substr(0, colon));
    auto password = percent_decoded(colon == std::string_view::npos ? std::string_view() : both.substr(colon + 1));
    if (!user || !password || user->empty() || user->size() > kNameMax || password->size() > kNameMax) {
      return wrong_url("user or password is empty, longer than 255 bytes or badly escaped");
    }
    if (out.kind == ProxyUrl::Kind::kHttp && user->find(':') != std::string::npos)
      return wrong_url("the user holds a colon");
    out.user = Secret(std::move(*user));
    out.password = Secret(std::move(*password));
  }
  size_t host_end = rest.starts_with('[') ? rest.find(']') : rest.find(':');
  std::string_view port;
  if (rest.starts_with('[')) {
    if (host_end == std::string_view::npos) return wrong_url("a bracket is not closed");
    out.host = rest.substr(1, host_end - 1);
    rest = rest.substr(host_end + 1);
    if (!IpAddress::parse(out.host)) return wrong_url("only an IPv6 address stands in brackets");
    if (!rest.empty() && rest[0] != ':') return wrong_url("text follows the brackets");
    port = rest;
  } else {
    out.host = rest.substr(0, host_end);
    port = host_end == std::string_view::npos ? std::string_view() : rest.substr(host_end);
  }
  if (out.host.empty() || out.host.find_first_of("/?# \t\r\n") != std::string::npos)
    return wrong_url("the host is missing or malformed");
  if (!port.empty()) {
    auto number = ascii::decimal(port.substr(1));
    if (!number || *number == 0 || *number > 65535) return wrong_url("the port is not a number from 1 to 65535");
    out.port = static_cast<uint16_t>(*number);
  }
  return out;
}

Task<Expected<void>> open_tunnel(Loop& loop, ByteStream& stream, const ProxyUrl& proxy,
                                 const runtime::DialTarget& target, Instant until, Cancellation& cancel) {
  Talk talk{loop, stream, until, cancel};
  if (proxy.kind == ProxyUrl::Kind::kHttp) co_return co_await connect_http(talk, proxy, target);
  co_return co_await connect_socks5(talk, proxy, target);
}

}  // namespace baton::net
