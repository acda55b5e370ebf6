// How it goes: parse_head() first tries to take the whole head in one pass that only ever says yes. Whatever that pass
// does not take (the head is not complete, or something is wrong) goes to check_lines(), which looks at every byte once
// however often it is resumed and alone decides about refusals. So the verdict depends on the bytes alone, never on how
// they were cut. What concerns several fields together is judged last, when the head is complete.
#include "http/http1.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"
#include "http/detail/field_table.h"
#include "http/detail/scan.h"

namespace baton::http {
namespace {

using detail::find_control;
using detail::is;
using detail::is_blank;
using detail::scan_token;

constexpr uint64_t bit(FieldId id) { return uint64_t{1} << static_cast<unsigned>(id); }
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

// Which ids came, which came again, and where each was first.
struct Seen {
  uint64_t once = 0;
  uint64_t again = 0;
  bool twin = false;  // a name with '_' that would be a known one with '-'
  std::array<uint32_t, detail::kFieldIds> first;

  bool has(FieldId id) const { return (once & bit(id)) != 0; }
  bool twice(FieldId id) const { return (again & bit(id)) != 0; }
  std::string_view value(const Head& head, FieldId id) const {
    return head.fields[first[static_cast<size_t>(id)]].value;
  }
};

// What differs between the two kinds of head while their lines are taken.
struct RequestLine {
  const HeadLimits& limits;
  RequestHead& head;
  size_t bytes_max() const { return limits.target_bytes_max + 64; }
  HeadError take(std::string_view line) const;
};
struct StatusLine {
  const HeadLimits& limits;
  ResponseHead& head;
  size_t bytes_max() const { return limits.field_bytes_max; }
  HeadError take(std::string_view line) const;
};

// "HTTP/1.1" or "HTTP/1.0"; kVersion for another version of that shape.
HeadError take_version(std::string_view text, int& minor) {
  if (text == "HTTP/1.1" || text == "HTTP/1.0") {
    minor = text.back() - '0';
    return HeadError::kNone;
  }
  if (!text.starts_with("HTTP/") || text == "HTTP/0.9") return HeadError::kMalformed;
  text.remove_prefix(5);
  const size_t dot = text.find('.');
  const std::string_view major = text.substr(0, dot);
  const std::string_view after = dot == std::string_view::npos ? std::string_view("0") : text.substr(dot + 1);
  const bool digits = ascii::decimal(major).has_value() && ascii::decimal(after).has_value();
  return digits ? HeadError::kVersion : HeadError::kMalformed;
}

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::kGet;
      if (text == "PUT") return Method::kPut;
      break;
    case 4:
      if (text == "POST") return Method::kPost;
      if (text == "HEAD") return Method::kHead;
      break;
    case 5:
      if (text == "PATCH") return Method::kPatch;
      break;
    case 6:
      if (text == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (text == "OPTIONS") return Method::kOptions;
      break;
    default:
      break;
  }
  return Method::kOther;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (ascii::lower(c) >= 'a' && ascii::lower(c) <= 'f'); }

// Printable ASCII, no '#', whole percent escapes, none of them NUL.
bool target_bytes_valid(std::string_view target) {
  bool valid = true;
  bool escapes = false;
  for (char c : target) {
    valid &= is(c, detail::kTargetByte);
    escapes |= c == '%';
  }
  if (!valid || !escapes) return valid;
  for (size_t i = target.find('%'); i != std::string_view::npos; i = target.find('%', i + 3)) {
    if (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2])) return false;
    if (target[i + 1] == '0' && target[i + 2] == '0') return false;
  }
  return true;
}

// Where the authority of an absolute target begins; 0 when the target is not absolute.
size_t authority_begin(std::string_view target) {
  if (ascii::starts_with_ignoring_case(target, "http://")) return 7;
  if (ascii::starts_with_ignoring_case(target, "https://")) return 8;
  return 0;
}

size_t authority_end(std::string_view target, size_t begin) {
  return std::min(target.find_first_of("/?", begin), target.size());
}

HeadError take_target(std::string_view target, RequestHead& head) {
  if (target.empty() || !target_bytes_valid(target)) return HeadError::kTarget;
  head.target = target;
  std::string_view rest = target;
  if (target == "*") {
    if (head.method != Method::kOptions) return HeadError::kTarget;
  } else if (target[0] != '/') {
    const size_t begin = authority_begin(target);
    if (begin == 0) return HeadError::kTarget;
    rest.remove_prefix(authority_end(target, begin));
  }
  const size_t query = std::min(rest.find('?'), rest.size());
  head.path = rest.substr(0, query);
  head.query = rest.substr(query);
  if (head.path.empty()) head.path = head.method == Method::kOptions && head.query.empty() ? "*" : "/";
  return HeadError::kNone;
}

HeadError RequestLine::take(std::string_view line) const {
  size_t method_end = 0;
  while (method_end < line.size() && is(line[method_end], detail::kMethodByte)) ++method_end;
  if (method_end == line.size()) return HeadError::kMalformed;
  if (method_end == 0 || line[method_end] != ' ') return HeadError::kMethod;
  const size_t version_begin = line.rfind(' ') + 1;
  if (version_begin == method_end + 1) return HeadError::kMalformed;  // HTTP/0.9
  if (HeadError error = take_version(line.substr(version_begin), head.version_minor); error != HeadError::kNone)
    return error;
  head.method_text = line.substr(0, method_end);
  head.method = method_of(head.method_text);
  if (head.method == Method::kOther) return HeadError::kMethodNotAllowed;
  const std::string_view target = line.substr(method_end + 1, version_begin - method_end - 2);
  if (target.size() > limits.target_bytes_max) return HeadError::kTooLarge;
  return take_target(target, head);
}

HeadError StatusLine::take(std::string_view line) const {
  const size_t version_end = std::min(line.find(' '), line.size());
  const HeadError version = take_version(line.substr(0, version_end), head.version_minor);
  if (version != HeadError::kNone) return version == HeadError::kVersion ? version : HeadError::kStatus;
  const std::string_view code = line.substr(version_end);
  if (code.size() < 4 || (code.size() > 4 && code[4] != ' ')) return HeadError::kStatus;
  const auto status = ascii::decimal(code.substr(1, 3));
  if (!status || *status < 100 || *status > 599) return HeadError::kStatus;
  head.status = static_cast<int>(*status);
  head.reason = code.size() > 5 ? code.substr(5) : std::string_view();
  return HeadError::kNone;
}

// A field line without its line end and without control bytes.
HeadError check_field(std::string_view line) {
  if (is_blank(line[0])) return HeadError::kObsoleteFold;
  const size_t colon = scan_token(line, 0).end;
  return colon == 0 || colon == line.size() || line[colon] != ':' ? HeadError::kFieldName : HeadError::kNone;
}

// Whether `name`, written with '-' in place of '_', is a known field.
bool is_twin(std::string_view name) {
  std::array<char, 64> dashed;
  const size_t n = std::min(name.size(), dashed.size());  // a longer name can only be of a family, which begins shorter
  std::replace_copy(name.begin(), name.begin() + static_cast<ptrdiff_t>(n), dashed.begin(), '_', '-');
  return detail::lookup({dashed.data(), n}) != FieldId::kOther;
}

// Takes the field lines from `at` on; true when all of them and the empty line behind them are there and well-formed.
bool take_fields(std::string_view text, size_t at, const HeadLimits& limits, Head& head, Seen& seen) {
  while (text.size() - at >= 2) {
    if (text[at] == '\r') {
      head.bytes = at + 2;
      return text[at + 1] == '\n';
    }
    const auto [colon, underscore] = scan_token(text, at);
    if (colon == at || colon == text.size() || text[colon] != ':') return false;
    size_t begin = colon + 1;
    while (begin < text.size() && is_blank(text[begin])) ++begin;
    const size_t line_end = find_control(text, begin);
    if (line_end + 1 >= text.size() || text[line_end] != '\r' || text[line_end + 1] != '\n') return false;
    if (line_end - at > limits.field_bytes_max || head.fields.size() >= limits.fields_max) return false;
    size_t end = line_end;
    while (end > begin && is_blank(text[end - 1])) --end;

    const std::string_view name = text.substr(at, colon - at);
    const FieldId id = detail::lookup(name);
    if (underscore && id == FieldId::kOther) [[unlikely]]
      seen.twin |= is_twin(name);
    if (seen.has(id)) {
      seen.again |= bit(id);
    } else {
      seen.once |= bit(id);
      seen.first[static_cast<size_t>(id)] = static_cast<uint32_t>(head.fields.size());
    }
    head.fields.push_back({name, text.substr(begin, end - begin), id});
    at = line_end + 2;
  }
  return false;
}

// The one pass that only says yes. `head` is clean when it begins.
template <class FirstLine>
bool take_head(std::string_view text, const HeadLimits& limits, const FirstLine& first, Head& head, Seen& seen) {
  const size_t line_end = find_control(text, 0);
  if (line_end + 1 >= text.size() || text[line_end] != '\r' || text[line_end + 1] != '\n') return false;
  if (line_end > first.bytes_max() || first.take(text.substr(0, line_end)) != HeadError::kNone) return false;
  return take_fields(text, line_end + 2, limits, head, seen);
}

size_t line_begin(std::string_view text, size_t at) {
  const auto* feed = static_cast<const char*>(::memrchr(text.data(), '\n', at));
  return feed == nullptr ? 0 : static_cast<size_t>(feed - text.data()) + 1;
}

// Lines that do not end are looked at whenever the text passes a multiple of this, so that resuming stays linear.
constexpr size_t kLongLineStep = 1024;

// Searches the end of the head line by line from `scanned` on and refuses what can never become a valid one. kDone: the
// empty line is there and every line is well-formed by itself.
template <class FirstLine>
ParseStatus check_lines(std::string_view text, size_t& scanned, const HeadLimits& limits, const FirstLine& first,
                        HeadError& error) {
  const auto refuse = [&](HeadError why) {
    error = why;
    return ParseStatus::kError;
  };
  const auto too_long = [&](size_t begin, size_t end) {
    return end - begin > (begin == 0 ? first.bytes_max() : limits.field_bytes_max);
  };
  while (true) {
    const size_t at = find_control(text, scanned);
    if (at == text.size()) {
      const size_t step = at / kLongLineStep * kLongLineStep;
      if (step > scanned && too_long(line_begin(text, scanned), step)) return refuse(HeadError::kTooLarge);
      scanned = at;
      return ParseStatus::kNeedMore;
    }
    const size_t begin = line_begin(text, at);
    if (too_long(begin, at)) return refuse(HeadError::kTooLarge);
    if (text[at] == '\n') return refuse(HeadError::kBareLineFeed);
    if (text[at] == '\r' && at + 1 == text.size()) {
      scanned = at;
      return ParseStatus::kNeedMore;
    }
    const std::string_view line = text.substr(begin, at - begin);
    if (text[at] != '\r' || text[at + 1] != '\n') {
      if (begin == 0) return refuse(HeadError::kMalformed);
      return refuse(line.contains(':') ? HeadError::kFieldValue : HeadError::kFieldName);
    }
    scanned = at + 2;
    if (line.empty() && begin != 0) return ParseStatus::kDone;
    const HeadError why = begin == 0 ? first.take(line) : check_field(line);
    if (why != HeadError::kNone) return refuse(why);
  }
}

// Both kinds of head, from the first line's first byte (`base`) on. `head` is clean when it begins.
template <class FirstLine>
ParseStatus parse_head(std::string_view bytes, size_t base, size_t& scanned, const HeadLimits& limits,
                       const FirstLine& first, Head& head, Seen& seen, HeadError& error) {
  const std::string_view text = bytes.substr(0, limits.total_bytes_max).substr(std::min(base, limits.total_bytes_max));
  if (scanned > 0 || !take_head(text, limits, first, head, seen)) {
    size_t searched = std::min(scanned - std::min(base, scanned), text.size());
    const ParseStatus status = check_lines(text, searched, limits, first, error);
    scanned = base + searched;
    if (status == ParseStatus::kNeedMore && bytes.size() > limits.total_bytes_max) {
      error = HeadError::kTooLarge;
      return ParseStatus::kError;
    }
    if (status != ParseStatus::kDone) return status;
    head.fields.clear();
    seen = {};
    if (!take_head(text, limits, first, head, seen)) {  // every line is fine by itself: there are too many of them
      error = HeadError::kTooLarge;
      return ParseStatus::kError;
    }
  }
  head.bytes += base;
  return ParseStatus::kDone;
}

// Calls `take` for every element of a comma list, empty ones left out. False when `take` says false or an element is
// not a token.
template <class Take>
bool each_token(std::string_view list, Take&& take) {
  while (true) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = ascii::trim(list.substr(0, comma));
    if (!element.empty()) {
      if (scan_token(element, 0).end != element.size() || !take(element)) return false;
    }
    if (comma == list.size()) return true;
    list.remove_prefix(comma + 1);
  }
}

// Whether a Connection field may name this: what is for one hop anyway, or a field that nobody here reads. Never one
// that the other side needs.
bool may_be_named(std::string_view option) {
  const FieldId id = detail::lookup(option);
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
  for (size_t i = seen.first[static_cast<size_t>(FieldId::kConnection)]; i < head.fields.size(); ++i) {
    const Field& field = head.fields[i];
    if (field.id == FieldId::kConnection && !each_token(field.value, take)) return HeadError::kMalformed;
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
    while (end < host.size() && is(host[end], detail::kHostByte)) ++end;
    if (end == 0) return false;
  }
  if (end == host.size()) return true;
  if (host[end] != ':' || host.size() - end > 6) return false;
  const auto port = ascii::decimal(host.substr(end + 1));
  return port && *port <= 65535;
}

HeadError take_host(const Seen& seen, RequestHead& head) {
  const size_t authority = head.target[0] == '/' || head.target == "*" ? 0 : authority_begin(head.target);
  if (!seen.has(FieldId::kHost)) {
    return head.version_minor == 0 && authority == 0 ? HeadError::kNone : HeadError::kHost;
  }
  head.host = seen.value(head, FieldId::kHost);
  if (seen.twice(FieldId::kHost) || !host_valid(head.host)) return HeadError::kHost;
  if (authority == 0) return HeadError::kNone;
  const std::string_view named = head.target.substr(authority, authority_end(head.target, authority) - authority);
  return ascii::equal_ignoring_case(named, head.host) ? HeadError::kNone : HeadError::kHost;
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

void clear(Head& head) {
  head.fields.clear();
  if (head.fields.capacity() == 0) head.fields.reserve(32);
  head.version_minor = 1;
  head.framing = Framing::kNone;
  head.content_length = 0;
  head.keep_alive = true;
  head.bytes = 0;
}

}  // namespace

FieldId field_id(std::string_view name) { return detail::lookup(name); }

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
  if (field.id != FieldId::kOther) return (kHopByHop & bit(field.id)) != 0;
  for (const Field& connection : fields) {
    if (connection.id != FieldId::kConnection) continue;
    bool named = false;
    each_token(connection.value, [&](std::string_view option) {
      named = named || ascii::equal_ignoring_case(option, field.name);
      return true;
    });
    if (named) return true;
  }
  return false;
}

ParseStatus parse_request(std::string_view bytes, size_t& scanned, const HeadLimits& limits, RequestHead& head,
                          HeadError& error) {
  clear(head);
  head.method = Method::kOther;
  head.method_text = head.target = head.path = head.query = head.host = {};
  head.expect_continue = false;
  error = HeadError::kNone;
  const auto refuse = [&](HeadError why) {
    error = why;
    return ParseStatus::kError;
  };

  size_t base = 0;
  if (bytes.starts_with('\r')) {  // RFC 9112 2.2: one empty line before a request is forgiven
    if (bytes.size() == 1) return ParseStatus::kNeedMore;
    if (bytes[1] != '\n') return refuse(HeadError::kMalformed);
    base = 2;
  }
  if (bytes.size() == base) return ParseStatus::kNeedMore;
  const char first = bytes[base];
  if (!is(first, detail::kMethodByte)) {
    if (first == '\n') return refuse(HeadError::kBareLineFeed);
    return refuse(is(first, detail::kTokenByte) ? HeadError::kMethod : HeadError::kMalformed);
  }

  Seen seen;
  const ParseStatus status = parse_head(bytes, base, scanned, limits, RequestLine{limits, head}, head, seen, error);
  if (status != ParseStatus::kDone) return status;
  error = finish_request(seen, head);
  return error == HeadError::kNone ? ParseStatus::kDone : ParseStatus::kError;
}

ParseStatus parse_response(std::string_view bytes, size_t& scanned, const HeadLimits& limits, bool to_head,
                           ResponseHead& head, HeadError& error) {
  clear(head);
  head.status = 0;
  head.reason = {};
  error = HeadError::kNone;
  constexpr std::string_view kBegin = "HTTP/";
  if (!bytes.starts_with(kBegin.substr(0, bytes.size()))) {
    error = HeadError::kStatus;
    return ParseStatus::kError;
  }

  Seen seen;
  const ParseStatus status = parse_head(bytes, 0, scanned, limits, StatusLine{limits, head}, head, seen, error);
  if (status != ParseStatus::kDone) return status;
  error = finish_response(seen, to_head, head);
  return error == HeadError::kNone ? ParseStatus::kDone : ParseStatus::kError;
}

}  // namespace baton::http
