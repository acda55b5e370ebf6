// Heads: what of a client's head goes to the upstream, and what of the upstream's head goes to the client. Everything
// end-to-end passes as it came, unknown fields included; the relay's own are credentials, host, framing, hop-by-hop
// fields and accept-encoding. Pure. Source: RFC 9110 7.6; the vendor's rules for gateways (read 2026-11).
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"
#include "http/http1.h"
#include "upstream/endpoint.h"

namespace baton::upstream {

// How an account is spoken to. Borrowed from the account's config.
struct Party {
  const Endpoint* endpoint = nullptr;
  const Secret* key = nullptr;  // null: the client's own credential passes
  bool show_rate_limits = false;
  bool simulated = false;  // our own simulator: its baton-sim field passes
};

struct BodyShape {
  http::Framing framing = http::Framing::kNone;
  uint64_t length = 0;
};

// Appends a complete request head. A POST without content announces length 0.
void append_request_head(std::string& out, const http::RequestHead& head, const Party& party, const BodyShape& body,
                         std::string_view traceparent = {});

// Appends the lines of the client's reply head, without status line, framing and connection.
void append_reply_fields(std::string& out, const http::ResponseHead& head, const Party& party);

}  // namespace baton::upstream
