// How it goes: parse_head() first tries to take the whole head in one pass that only ever says yes. Whatever that pass
// does not take (the head is not complete, or something is wrong) goes to check_lines(), which looks at every byte once
// however often it is resumed and alone decides about refusals. So the verdict depends on the bytes alone, never on how
// they were cut. What concerns several fields together is judged last, when the head is complete.
#include "http/http1.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "http/detail/field_rules.h"
#include "http/detail/field_table.h"
#include "http/detail/scan.h"

namespace baton::http {
namespace {

using detail::class_end;
using detail::ControlFinder;
using detail::is;
using detail::is_blank;
using detail::kNameByte;
using detail::kTokenByte;
using detail::Seen;

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
    default: break;
  }
  return Method::kOther;
}

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
    if (i + 2 >= target.size() || !detail::is_hex(target[i + 1]) || !detail::is_hex(target[i + 2])) return false;
    if (target[i + 1] == '0' && target[i + 2] == '0') return false;
  }
  return true;
}

HeadError take_target(std::string_view target, RequestHead& head) {
  if (target.empty() || !target_bytes_valid(target)) return HeadError::kTarget;
  head.target = target;
  std::string_view rest = target;
  if (target == "*") {
    if (head.method != Method::kOptions) return HeadError::kTarget;
  } else if (target[0] != '/') {
    const auto authority = detail::authority_of(target);
    if (!authority) return HeadError::kTarget;
    rest.remove_prefix(static_cast<size_t>(authority->data() - target.data()) + authority->size());
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
  const size_t colon = class_end<kTokenByte>(line, 0);
  return colon == 0 || colon == line.size() || line[colon] != ':' ? HeadError::kFieldName : HeadError::kNone;
}

// Whether a line ends with CR LF at `at`.
bool line_ends(std::string_view text, size_t at) {
  return at + 1 < text.size() && text[at] == '\r' && text[at + 1] == '\n';
}

// Takes the field lines from `at` on; true when all of them and the empty line behind them are there and well-formed.
bool take_fields(std::string_view text, size_t at, ControlFinder controls, const HeadLimits& limits, Head& head,
                 Seen& seen) {
  const size_t field_bytes_max = limits.field_bytes_max;
  const size_t fields_max = limits.fields_max;
  for (size_t count = 0;; ++count) {
    // The line's end is searched apart from the name's, so that the processor can go on with the next line meanwhile.
    const size_t line_end = controls.find(at);
    if (!line_ends(text, line_end)) return false;
    if (line_end == at) {
      head.bytes = at + 2;
      return true;
    }
    size_t colon = class_end<kNameByte>(text, at);
    const bool underscore = text[colon] == '_';  // the line's CR is not of a name, so there is such a byte
    if (underscore) [[unlikely]]
      colon = class_end<kTokenByte>(text, colon);
    if (colon == at || text[colon] != ':') return false;
    size_t begin = colon + 1;
    while (is_blank(text[begin])) ++begin;
    size_t end = line_end;
    while (end > begin && is_blank(text[end - 1])) --end;
    if (line_end - at > field_bytes_max || count == fields_max) return false;

    const std::string_view name(text.data() + at, colon - at);
    const FieldId id = detail::lookup(name);
    if (underscore && id == FieldId::kOther) [[unlikely]]
      seen.twin |= detail::is_twin(name);
    seen.again |= seen.once & detail::bit(id);
    seen.once |= detail::bit(id);
    seen.at[static_cast<size_t>(id)] = static_cast<uint32_t>(count);
    Field& field = head.fields.emplace_back();  // filled in place: a copy would wait for its own stores
    field.name = name;
    field.value = {text.data() + begin, end - begin};
    field.id = id;
    at = line_end + 2;
  }
}

// The one pass that only says yes. `head` is clean when it begins.
template <class FirstLine>
bool take_head(std::string_view text, const HeadLimits& limits, const FirstLine& first, Head& head, Seen& seen) {
  ControlFinder controls(text);
  const size_t line_end = controls.find(0);
  if (!line_ends(text, line_end)) return false;
  if (line_end > first.bytes_max() || first.take(text.substr(0, line_end)) != HeadError::kNone) return false;
  return take_fields(text, line_end + 2, controls, limits, head, seen);
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
  ControlFinder controls(text);
  while (true) {
    const size_t at = controls.find(scanned);
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
  error = detail::finish_request(seen, head);
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
  error = detail::finish_response(seen, to_head, head);
  return error == HeadError::kNone ? ParseStatus::kDone : ParseStatus::kError;
}

}  // namespace baton::http
