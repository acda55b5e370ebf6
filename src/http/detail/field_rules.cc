#include "http/detail/field_rules.h"

#include <algorithm>
#include <initializer_list>

#include "http/detail/scan.h"

namespace baton::http {
namespace detail {
namespace {

constexpr uint64_t bits(std::initializer_list<FieldId> ids) {
  uint64_t set = 0;
  for (FieldId id : ids) set |= bit(id);
  return set;
}

// Two readers could each believe another one of two such fields.
constexpr uint64_t kSingleInRequest =
    bits({FieldId::kAnthropicVersion, FieldId::kAuthorization, FieldId::kBatonKey, FieldId::kContentEncoding,
          FieldId::kContentType, FieldId::kExpect, FieldId::kOrigin, FieldId::kProxyAuthorization, FieldId::kXApiKey,
          FieldId::kXRealIp});
constexpr uint64_t kSingleInResponse = bits({FieldId::kContentEncoding, FieldId::kContentType});

constexpr uint64_t kHopByHop =
    bits({FieldId::kConnection, FieldId::kKeepAlive, FieldId::kProxyAuthenticate, FieldId::kProxyAuthorization,
          FieldId::kProxyConnection, FieldId::kTe, FieldId::kTrailer, FieldId::kTransferEncoding, FieldId::kUpgrade});

// Calls `take` for every element of a comma list, empty ones left out. False when `take` says false or an element is
// not a token.
template <class Take>
bool each_token(std::string_view list, Take&& take) {
  while (true) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = ascii::trim(list.substr(0, comma));
    if (!element.empty() && (!is_token(element) || !take(element))) return false;
    if (comma == list.size()) return true;
    list.remove_prefix(comma + 1);
  }
}

// Whether a Connection field may name this: what is for one hop anyway, or a field that nobody here reads. Never one
// that the other side needs.
bool may_be_named(std::string_view option) {
  const FieldId id = lookup(option);
  if (id != FieldId::kOther) return (kHopByHop & bit(id)) != 0;
  return !ascii::starts_with_ignoring_case(option, "anthropic-") &&
         !ascii::starts_with_ignoring_case(option, "content-") && !is_twin(option);
}

// Reads the Connection fields into keep_alive.
HeadError take_connection(const Seen& seen, Head& head) {
  head.keep_alive = head.version_minor == 1;
  if (!seen.has(FieldId::kConnection)) return HeadError::kNone;
  bool close = false;
  const auto take = [&](std::string_view option) {
    if (ascii::equal_ignoring_case(option, "close")) {
      close = true;
    } else if (ascii::equal_ignoring_case(option, "keep-alive")) {
      head.keep_alive = true;
    } else {
      return may_be_named(option);
    }
    return true;
  };
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kConnection) continue;
    if (field.value == "keep-alive") {  // what nearly every client says
      head.keep_alive = true;
      continue;
    }
    if (!each_token(field.value, take)) return HeadError::kMalformed;
  }
  if (close) head.keep_alive = false;
  return HeadError::kNone;
}

HeadError check_transfer_encoding(std::string_view value) {
  if (ascii::equal_ignoring_case(value, "chunked")) return HeadError::kNone;
  bool chunked = false;
  bool others = false;
  const bool well_formed = each_token(value, [&](std::string_view coding) {
    if (chunked) return false;  // it was not the last
    chunked = ascii::equal_ignoring_case(coding, "chunked");
    others |= !chunked;
    return true;
  });
  return well_formed && chunked && others ? HeadError::kTransferCoding : HeadError::kTransferEncoding;
}

// What the fields say about the body: kChunked, kLength, or kNone when they say nothing.
HeadError take_framing(const Seen& seen, Head& head) {
  const bool length = seen.has(FieldId::kContentLength);
  const bool coded = seen.has(FieldId::kTransferEncoding);
  if ((length && coded) || seen.twice(FieldId::kContentLength)) return HeadError::kAmbiguousLength;
  if (length) {
    const auto value = ascii::decimal(seen.value(head, FieldId::kContentLength));
    if (!value) return HeadError::kAmbiguousLength;
    head.framing = Framing::kLength;
    head.content_length = *value;
  }
  if (coded) {
    if (head.version_minor == 0 || seen.twice(FieldId::kTransferEncoding)) return HeadError::kTransferEncoding;
    const HeadError error = check_transfer_encoding(seen.value(head, FieldId::kTransferEncoding));
    if (error != HeadError::kNone) return error;
    head.framing = Framing::kChunked;
  }
  return HeadError::kNone;
}

// A registered name, an IPv4 address or an IPv6 address in brackets, then maybe a port. Only bytes that host names are
// made of.
bool host_valid(std::string_view host) {
  size_t end = 0;
  if (host.starts_with('[')) {
    end = 1;
    size_t colons = 0;
    while (end < host.size() && (is_hex(host[end]) || host[end] == ':' || host[end] == '.'))
      colons += host[end++] == ':';
    if (end == host.size() || host[end] != ']' || colons < 2) return false;
    ++end;
  } else {
    while (end < host.size() && is(host[end], kHostByte)) ++end;
    if (end == 0) return false;
  }
  if (end == host.size()) return true;
  if (host[end] != ':' || host.size() - end > 6) return false;
  const auto port = ascii::decimal(host.substr(end + 1));
  return port && *port <= 65535;
}

HeadError take_host(const Seen& seen, RequestHead& head) {
  const auto authority = authority_of(head.target);
  if (!seen.has(FieldId::kHost)) {
    return head.version_minor == 0 && !authority ? HeadError::kNone : HeadError::kHost;
  }
  head.host = seen.value(head, FieldId::kHost);
  if (seen.twice(FieldId::kHost) || !host_valid(head.host)) return HeadError::kHost;
  return !authority || ascii::equal_ignoring_case(*authority, head.host) ? HeadError::kNone : HeadError::kHost;
}

}  // namespace

std::optional<std::string_view> authority_of(std::string_view target) {
  size_t begin = 0;
  if (ascii::starts_with_ignoring_case(target, "http://")) begin = 7;
  if (ascii::starts_with_ignoring_case(target, "https://")) begin = 8;
  if (begin == 0) return std::nullopt;
  return target.substr(begin, std::min(target.find_first_of("/?", begin), target.size()) - begin);
}

bool is_twin(std::string_view name) {
  std::array<char, 64> dashed;
  const size_t n = std::min(name.size(), dashed.size());  // a longer name can only be of a family, which begins shorter
  std::replace_copy(name.begin(), name.begin() + static_cast<ptrdiff_t>(n), dashed.begin(), '_', '-');
  return lookup({dashed.data(), n}) != FieldId::kOther;
}

HeadError finish_request(const Seen& seen, RequestHead& head) {
  if (seen.twin || (seen.again & kSingleInRequest) != 0) return HeadError::kDuplicateField;
  if (HeadError error = take_connection(seen, head); error != HeadError::kNone) return error;
  if (HeadError error = take_host(seen, head); error != HeadError::kNone) return error;
  if (HeadError error = take_framing(seen, head); error != HeadError::kNone) return error;
  if (seen.has(FieldId::kExpect)) {
    if (!ascii::equal_ignoring_case(seen.value(head, FieldId::kExpect), "100-continue")) return HeadError::kExpectation;
    head.expect_continue = head.version_minor == 1;  // RFC 9110 10.1.1: ignored in HTTP/1.0
  }
  return HeadError::kNone;
}

HeadError finish_response(const Seen& seen, bool to_head, ResponseHead& head) {
  if (seen.twin || (seen.again & kSingleInResponse) != 0) return HeadError::kDuplicateField;
  if (HeadError error = take_connection(seen, head); error != HeadError::kNone) return error;
  if (HeadError error = take_framing(seen, head); error != HeadError::kNone) return error;
  if (to_head || head.status < 200 || head.status == 204 || head.status == 304) {
    head.framing = Framing::kNone;
    head.content_length = 0;
  } else if (head.framing == Framing::kNone) {
    head.framing = Framing::kUntilClose;
    head.keep_alive = false;
  }
  return HeadError::kNone;
}

}  // namespace detail

FieldId field_id(std::string_view name) { return detail::is_token(name) ? detail::lookup(name) : FieldId::kOther; }

const Field* Head::find(FieldId id) const {
  for (const Field& field : fields) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const Field* Head::find(std::string_view lower_name) const {
  for (const Field& field : fields) {
    if (ascii::equal_ignoring_case(field.name, lower_name)) return &field;
  }
  return nullptr;
}

bool Head::hop_by_hop(const Field& field) const {
  // A Connection field that names a known end-to-end field was refused, so only unknown ones are looked for.
  if (field.id != FieldId::kOther) return (detail::kHopByHop & detail::bit(field.id)) != 0;
  for (const Field& connection : fields) {
    if (connection.id != FieldId::kConnection || connection.value.size() < field.name.size()) continue;
    bool named = false;
    detail::each_token(connection.value, [&](std::string_view option) {
      named = named || ascii::equal_ignoring_case(option, field.name);
      return true;
    });
    if (named) return true;
  }
  return false;
}

}  // namespace baton::http
