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

// Copies field lines as they stand in their head, neighbours together: most heads are a few pieces.
class LineCopier {
 public:
  explicit LineCopier(std::string& out) : out_(out) {}
  ~LineCopier() { flush(); }
  void take(const http::Field& field) {
    const char* const begin = field.name.data();
    const char* const value_end = field.value.data() + field.value.size();
    if (field.value.data() != begin + field.name.size() + 2 || begin[field.name.size() + 1] != ' ' ||
        value_end[0] != '\r') {
      flush();
      return append_line(out_, field.name, field.value);
    }
    if (begin != end_) {
      flush();
      begin_ = begin;
    }
    end_ = value_end + 2;
  }

  void flush() {
    if (begin_ != nullptr) out_.append(begin_, static_cast<size_t>(end_ - begin_));
    begin_ = end_ = nullptr;
  }

 private:
  std::string& out_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

// Whether a field stays behind for what it is, or because a Connection field names it. Nearly no head names any.
class HopByHop {
 public:
  explicit HopByHop(const http::Head& head) : head_(head) {
    for (const http::Field& field : head.fields)
      names_fields_ |= field.id == FieldId::kConnection && field.value != "keep-alive";
  }
  bool operator()(const http::Field& field) const {
    return (field.id != FieldId::kOther || names_fields_) && head_.hop_by_hop(field);
  }

 private:
  const http::Head& head_;
  bool names_fields_ = false;
};

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
  const HopByHop hop_by_hop(head);
  LineCopier lines(out);
  for (const auto& field : head.fields) {
    if (body.coding && field.id == FieldId::kContentEncoding) continue;
    if (!traceparent.empty() && ascii::equal_ignoring_case(field.name, "traceparent")) continue;
    if (goes_up(field, party) && !hop_by_hop(field)) lines.take(field);
  }
  lines.flush();
  if (body.coding && !body.coding->empty()) append_line(out, "content-encoding", *body.coding);
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
  const HopByHop hop_by_hop(head);
  LineCopier lines(out);
  for (const auto& field : head.fields) {
    if (goes_down(field, party) && !hop_by_hop(field)) lines.take(field);
  }
}

}  // namespace baton::upstream
