// Outbound proxies: how a connection to a proxy becomes one to the target. HTTP CONNECT (RFC 9110 9.3.6, Basic
// credentials RFC 7617) and SOCKS5 (RFC 1928, user and password RFC 1929). The target's name is resolved by the proxy.
// Thread: one loop. Bounds: a CONNECT reply head of 8 KiB; one deadline for the whole conversation.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::net {

struct ProxyUrl {
  enum class Kind { kHttp, kSocks5 };
  Kind kind = Kind::kHttp;
  std::string host;
  uint16_t port = 0;
  Secret user;  // percent-decoded; at most 255 bytes each
  Secret password;
};

// "http://[user[:password]@]host[:port]" (port 80 when not given), "socks5://…" or "socks5h://…" (1080). kConfig
// otherwise; the detail never shows the credentials.
Expected<ProxyUrl> parse_proxy_url(std::string_view url);

// Speaks over a fresh connection to the proxy until it is one to the target. kConnect: the proxy refused or did not
// speak its protocol, the detail says which; kConnectTimeout; kCancelled. Takes no byte beyond the proxy's reply.
runtime::Task<Expected<void>> open_tunnel(runtime::Loop& loop, runtime::ByteStream& stream, const ProxyUrl& proxy,
                                          const runtime::DialTarget& target, Instant until,
                                          runtime::Cancellation& cancel);

}  // namespace baton::net
