#include "upstream/heads.h"

#include <charconv>

#include "base/ascii.h"

namespace baton::upstream {

using http::FieldId;

namespace {

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}

bool goes_up(const http::Field& field, const Party& party) {
  const bool own_credential = party.key == nullptr;
  switch (field.id) {
    case FieldId::kHost:
    case FieldId::kContentLength:
    case FieldId::kTransferEncoding:
    case FieldId::kExpect:
    case FieldId::kAcceptEncoding:
    case FieldId::kCookie:
    case FieldId::kForwarded:
    case FieldId::kVia:
    case FieldId::kXForwarded:
    case FieldId::kXRealIp:
    case FieldId::kBatonKey: return false;
    case FieldId::kBatonOther: return party.simulated && ascii::equal_ignoring_case(field.name, "baton-sim");
    case FieldId::kAuthorization:
    case FieldId::kXApiKey:
    case FieldId::kAnthropicOwner: return own_credential;
    default: return true;
  }
}

bool goes_down(const http::Field& field, const Party& party) {
  switch (field.id) {
    case FieldId::kContentLength:
    case FieldId::kTransferEncoding:
    case FieldId::kSetCookie:
    case FieldId::kBatonOther:
    case FieldId::kBatonKey: return false;
    case FieldId::kAnthropicOwner: return party.key == nullptr;
    case FieldId::kAnthropicLimit: return party.key == nullptr || party.show_rate_limits;
    default: break;
  }
  // Whatever the field is called: the account's key does not leave.
  if (party.key != nullptr && !party.key->empty() && field.value.size() >= party.key->reveal().size() &&
      field.value.find(party.key->reveal()) != std::string_view::npos)
    return false;
  return true;
}

}  // namespace

void append_request_head(std::string& out, const http::RequestHead& head, const Party& party, const BodyShape& body,
                         std::string_view traceparent) {
  out.append(head.method_text);
  out.push_back(' ');
  out.append(party.endpoint->path_prefix);
  out.append(head.path);
  out.append(head.query);
  out.append(" HTTP/1.1\r\n");
  append_line(out, "host", party.endpoint->host);
  for (const auto& field : head.fields) {
    if (!traceparent.empty() && ascii::equal_ignoring_case(field.name, "traceparent")) continue;
    if (goes_up(field, party) && !head.hop_by_hop(field)) append_line(out, field.name, field.value);
  }
  if (!traceparent.empty()) append_line(out, "traceparent", traceparent);
  if (party.key != nullptr) append_line(out, "x-api-key", party.key->reveal());
  out.append("accept-encoding: identity\r\n");
  if (body.framing == http::Framing::kChunked) {
    out.append("transfer-encoding: chunked\r\n");
  } else if (body.framing == http::Framing::kLength || head.method == http::Method::kPost) {
    char digits[20];
    append_line(out, "content-length", {digits, std::to_chars(digits, digits + sizeof digits, body.length).ptr});
  }
  out.append("\r\n");
}

void append_reply_fields(std::string& out, const http::ResponseHead& head, const Party& party) {
  for (const auto& field : head.fields) {
    if (goes_down(field, party) && !head.hop_by_hop(field)) append_line(out, field.name, field.value);
  }
}

}  // namespace baton::upstream
