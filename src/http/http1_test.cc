#include "http/http1.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "http/detail/field_table.h"
#include "http/detail/scan.h"

namespace baton::http {
namespace {

// Bytes in a block of exactly their size, so that a sanitizer sees any read beyond them.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    bytes.copy(bytes_.get(), bytes.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

// What came out of a parse, kept apart from the bytes it was parsed from.
struct Outcome {
  ParseStatus status = ParseStatus::kNeedMore;
  HeadError error = HeadError::kNone;
  std::string first_line;  // the parsed parts of it
  std::vector<std::string> fields;
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;
  bool keep_alive = false;
  bool expect_continue = false;
  int version_minor = -1;
  size_t bytes = 0;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "status " << static_cast<int>(outcome.status) << " error " << static_cast<int>(outcome.error) << " first "
       << outcome.first_line << " fields " << outcome.fields.size() << " framing " << static_cast<int>(outcome.framing)
       << " length " << outcome.content_length << " keep_alive " << outcome.keep_alive << " bytes " << outcome.bytes;
}

void note(const Head& head, Outcome& outcome) {
  for (const Field& field : head.fields) {
    outcome.fields.push_back(std::string(field.name) + "=" + std::string(field.value) + "#" +
                             std::to_string(static_cast<int>(field.id)));
  }
  outcome.framing = head.framing;
  outcome.content_length = head.content_length;
  outcome.keep_alive = head.keep_alive;
  outcome.version_minor = head.version_minor;
  outcome.bytes = head.bytes;
}

struct Options {
  HeadLimits limits = {};
  bool to_head = false;
};

Outcome take_request(std::string_view bytes, size_t& scanned, const Options& options) {
  const Exact exact(bytes);
  RequestHead head;
  Outcome outcome;
  outcome.status = parse_request(exact.view(), scanned, options.limits, head, outcome.error);
  if (outcome.status != ParseStatus::kDone) return outcome;
  for (std::string_view part : {head.method_text, head.target, head.path, head.query, head.host}) {
    outcome.first_line += std::string(part) + "|";
  }
  outcome.expect_continue = head.expect_continue;
  note(head, outcome);
  return outcome;
}

Outcome take_response(std::string_view bytes, size_t& scanned, const Options& options) {
  const Exact exact(bytes);
  ResponseHead head;
  Outcome outcome;
  outcome.status = parse_response(exact.view(), scanned, options.limits, options.to_head, head, outcome.error);
  if (outcome.status != ParseStatus::kDone) return outcome;
  outcome.first_line = std::to_string(head.status) + "|" + std::string(head.reason) + "|";
  note(head, outcome);
  return outcome;
}

using Take = Outcome (*)(std::string_view, size_t&, const Options&);

// Parses whole, byte by byte and in every two pieces; all must agree.
Outcome take_every_way(Take take, std::string_view bytes, const Options& options = {}) {
  size_t scanned = 0;
  const Outcome whole = take(bytes, scanned, options);
  scanned = 0;
  Outcome resumed;
  for (size_t n = 0; n <= bytes.size() && resumed.status == ParseStatus::kNeedMore; ++n) {
    resumed = take(bytes.substr(0, n), scanned, options);
  }
  EXPECT_EQ(resumed, whole) << "byte by byte";
  for (size_t n = 1; n < bytes.size(); ++n) {
    scanned = 0;
    Outcome halves = take(bytes.substr(0, n), scanned, options);
    if (halves.status == ParseStatus::kNeedMore) halves = take(bytes, scanned, options);
    EXPECT_EQ(halves, whole) << "cut at " << n;
    if (halves != whole) break;
  }
  return whole;
}

Outcome request(std::string_view bytes, const Options& options = {}) {
  return take_every_way(take_request, bytes, options);
}
Outcome response(std::string_view bytes, const Options& options = {}) {
  return take_every_way(take_response, bytes, options);
}

using namespace std::string_view_literals;

// --- field lines, as part of a request and of a response

struct FieldCase {
  std::string_view name;
  std::string_view lines;  // behind Host or the status line
  HeadError in_request = HeadError::kNone;
  HeadError in_response = HeadError::kNone;
};

const FieldCase kFieldCases[] = {
    {"H02 Content-Length and Transfer-Encoding", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
     HeadError::kAmbiguousLength, HeadError::kAmbiguousLength},
    {"H02 the other way round", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H02 with a coding that is not implemented", "Content-Length: 3\r\nTransfer-Encoding: gzip, chunked\r\n",
     HeadError::kAmbiguousLength, HeadError::kAmbiguousLength},
    {"H03 two equal Content-Length", "Content-Length: 3\r\nContent-Length: 3\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H04 two different Content-Length", "Content-Length: 3\r\ncontent-length: 4\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H05 Content-Length list", "Content-Length: 3, 3\r\n", HeadError::kAmbiguousLength, HeadError::kAmbiguousLength},
    {"H06 Content-Length with a plus", "Content-Length: +3\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H07 Content-Length with a minus", "Content-Length: -3\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H08 Content-Length in hex", "Content-Length: 0x3\r\n", HeadError::kAmbiguousLength, HeadError::kAmbiguousLength},
    {"H09 Content-Length with an underscore", "Content-Length: 1_0\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H10 Content-Length with a blank inside", "Content-Length: 1 0\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H11 Content-Length empty", "Content-Length: \r\n", HeadError::kAmbiguousLength, HeadError::kAmbiguousLength},
    {"H11 Content-Length of blanks only", "Content-Length: \t \r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"Content-Length beyond 64 bits", "Content-Length: 18446744073709551616\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"Content-Length wraps to a small one", "Content-Length: 18446744073709551619\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"Content-Length of full-width digits", "Content-Length: \xef\xbc\x93\r\n", HeadError::kAmbiguousLength,
     HeadError::kAmbiguousLength},
    {"H12 space before the colon", "Content-Length : 3\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H12 tab before the colon", "X-Any\t: 3\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H14 chunked, identity", "Transfer-Encoding: chunked, identity\r\n", HeadError::kTransferEncoding,
     HeadError::kTransferEncoding},
    {"identity alone", "Transfer-Encoding: identity\r\n", HeadError::kTransferEncoding, HeadError::kTransferEncoding},
    {"gzip alone", "Transfer-Encoding: gzip\r\n", HeadError::kTransferEncoding, HeadError::kTransferEncoding},
    {"chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n", HeadError::kTransferEncoding,
     HeadError::kTransferEncoding},
    {"chunked in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     HeadError::kTransferEncoding, HeadError::kTransferEncoding},
    {"identity and chunked in two fields", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
     HeadError::kTransferEncoding, HeadError::kTransferEncoding},
    {"Transfer-Encoding empty", "Transfer-Encoding: \r\n", HeadError::kTransferEncoding, HeadError::kTransferEncoding},
    {"Transfer-Encoding with an empty element", "Transfer-Encoding: , chunked\r\n", HeadError::kTransferEncoding,
     HeadError::kTransferEncoding},
    {"Transfer-Encoding with a parameter", "Transfer-Encoding: chunked;q=1\r\n", HeadError::kTransferEncoding,
     HeadError::kTransferEncoding},
    {"Transfer-Encoding quoted", "Transfer-Encoding: \"chunked\"\r\n", HeadError::kTransferEncoding,
     HeadError::kTransferEncoding},
    {"xchunked", "Transfer-Encoding: xchunked\r\n", HeadError::kTransferEncoding, HeadError::kTransferEncoding},
    {"chunked with a dotless byte", "Transfer-Encoding: chun\xc4\xb1ked\r\n", HeadError::kTransferEncoding,
     HeadError::kTransferEncoding},
    {"H15 gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", HeadError::kTransferCoding,
     HeadError::kTransferCoding},
    {"H16 identity, chunked", "Transfer-Encoding: identity,chunked\r\n", HeadError::kTransferCoding,
     HeadError::kTransferCoding},
    {"H17 vertical tab before chunked",
     "Transfer-Encoding: \x0b"
     "chunked\r\n",
     HeadError::kFieldValue, HeadError::kFieldValue},
    {"H18 Transfer-Encoding on a folded line", "Transfer-Encoding:\r\n chunked\r\n", HeadError::kObsoleteFold,
     HeadError::kObsoleteFold},
    {"H19 folded by a tab", "X-Any: a\r\n\tb\r\n", HeadError::kObsoleteFold, HeadError::kObsoleteFold},
    {"folded onto a blank line", "X-Any: a\r\n \r\n", HeadError::kObsoleteFold, HeadError::kObsoleteFold},
    {"H29 bare LF behind a field", "X-Any: a\nX-Other: b\r\n", HeadError::kBareLineFeed, HeadError::kBareLineFeed},
    {"bare LF as the empty line", "X-Any: a\r\n\n", HeadError::kBareLineFeed, HeadError::kBareLineFeed},
    {"bare LF in a name", "X-A\nny: a\r\n", HeadError::kBareLineFeed, HeadError::kBareLineFeed},
    {"H30 bare CR in a value", "X-Any: a\rb\r\n", HeadError::kFieldValue, HeadError::kFieldValue},
    {"two CR before the LF", "X-Any: a\r\r\n", HeadError::kFieldValue, HeadError::kFieldValue},
    {"CR alone as the line", "\rX-Any: a\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"bare CR in a name", "X-\rAny: a\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H31 NUL in a value", "X-Any: a\0b\r\n"sv, HeadError::kFieldValue, HeadError::kFieldValue},
    {"NUL in a name", "X-\0Any: a\r\n"sv, HeadError::kFieldName, HeadError::kFieldName},
    {"DEL in a value", "X-Any: a\x7f\r\n", HeadError::kFieldValue, HeadError::kFieldValue},
    {"escape in a value", "X-Any: \x1b[31m\r\n", HeadError::kFieldValue, HeadError::kFieldValue},
    {"form feed in a value", "X-Any: a\x0c\r\n", HeadError::kFieldValue, HeadError::kFieldValue},
    {"H35 name with a parenthesis", "X-(Any): a\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H35 name with a blank inside", "X Any: a\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H35 name with a slash", "X/Any: a\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H35 name beyond ASCII", "X-\xc3\xa4ny: a\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H36 empty name", ": a\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H37 no colon", "X-Any\r\n", HeadError::kFieldName, HeadError::kFieldName},
    {"H49 Connection: x-api-key", "Connection: x-api-key\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"Connection: keep-alive, Authorization", "Connection: keep-alive, Authorization\r\n", HeadError::kMalformed,
     HeadError::kMalformed},
    {"Connection: content-type", "Connection: content-type\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"Connection: content-length", "Connection: content-length\r\nContent-Length: 3\r\n", HeadError::kMalformed,
     HeadError::kMalformed},
    {"Connection: content-disposition", "Connection: content-disposition\r\n", HeadError::kMalformed,
     HeadError::kMalformed},
    {"Connection: host", "Connection: close, Host\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"Connection: anthropic-beta", "Connection: anthropic-beta\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"Connection: an anthropic field of tomorrow", "Connection: Anthropic-Tomorrow\r\n", HeadError::kMalformed,
     HeadError::kMalformed},
    {"Connection: baton-key", "Connection: baton-key\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"Connection: x-forwarded-for", "Connection: x-forwarded-for\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"Connection: x_api_key", "Connection: x_api_key\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"a second Connection names x-api-key", "Connection: close\r\nConnection: x-api-key\r\n", HeadError::kMalformed,
     HeadError::kMalformed},
    {"Connection is not a list of tokens", "Connection: keep alive\r\n", HeadError::kMalformed, HeadError::kMalformed},
    {"H56 content_length", "content_length: 3\r\n", HeadError::kDuplicateField, HeadError::kDuplicateField},
    {"H56 Transfer_Encoding", "Transfer_Encoding: chunked\r\n", HeadError::kDuplicateField, HeadError::kDuplicateField},
    {"H56 x_api_key", "x_api_key: k\r\n", HeadError::kDuplicateField, HeadError::kDuplicateField},
    {"H56 X_Api-Key beside the real one", "x-api-key: k\r\nX_Api-Key: j\r\n", HeadError::kDuplicateField,
     HeadError::kDuplicateField},
    {"H56 X_Forwarded_For", "X_Forwarded_For: 10.0.0.1\r\n", HeadError::kDuplicateField, HeadError::kDuplicateField},
    {"H56 a long name of a family",
     "anthropic_ratelimit_an-input-token-limit-that-is-longer-than-any-known-name: 1\r\n", HeadError::kDuplicateField,
     HeadError::kDuplicateField},
    {"two Content-Type", "Content-Type: text/plain\r\nContent-Type: text/plain\r\n", HeadError::kDuplicateField,
     HeadError::kDuplicateField},
    {"two Content-Encoding", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", HeadError::kDuplicateField,
     HeadError::kDuplicateField},
    {"two x-api-key", "x-api-key: a\r\nX-Api-Key: a\r\n", HeadError::kDuplicateField},
    {"two Authorization", "Authorization: Bearer a\r\nauthorization: Bearer b\r\n", HeadError::kDuplicateField},
    {"two baton-key", "baton-key: a\r\nbaton-key: b\r\n", HeadError::kDuplicateField},
    {"two anthropic-version", "anthropic-version: 2023-06-01\r\nanthropic-version: 2026-01-01\r\n",
     HeadError::kDuplicateField},
    {"two Expect", "Expect: 100-continue\r\nExpect: 100-continue\r\n", HeadError::kDuplicateField},
    {"two Origin", "Origin: http://a\r\nOrigin: http://b\r\n", HeadError::kDuplicateField},
    {"H50 Expect: bogus", "Expect: bogus\r\n", HeadError::kExpectation},
    {"Expect empty", "Expect: \r\n", HeadError::kExpectation},
    {"Expect list", "Expect: 100-continue, 100-continue\r\n", HeadError::kExpectation},
    {"H33 a second Host", "Host: relay.test\r\n", HeadError::kHost},

    {"plain fields", "X-Any: a\r\nX-Other: b\r\n"},
    {"value with a tab and blanks inside", "X-Any: \t a\t b \t\r\n"},
    {"value beyond ASCII", "X-Any: gr\xc3\xbc\xc3\x9f\x80\xff\r\n"},
    {"empty value", "X-Any:\r\n"},
    {"no blank behind the colon", "X-Any:a\r\n"},
    {"every tchar in a name", "!#$%&'*+-.^_`|~09azAZ: a\r\n"},
    {"underscore in a name nobody knows", "x_trace_id: a\r\n"},
    {"two anthropic-beta", "anthropic-beta: a\r\nanthropic-beta: b\r\n"},
    {"two Cookie and two Via", "Cookie: a=1\r\nCookie: b=2\r\nVia: 1.1 a\r\nVia: 1.1 b\r\n"},
    {"two Set-Cookie", "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"},
    {"Connection with empty elements", "Connection: , keep-alive ,\r\n"},
    {"Connection names fields of one hop",
     "Connection: Upgrade, HTTP2-Settings, TE\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"},
    {"Transfer-Encoding in capitals", "Transfer-Encoding:  ChUnKeD \r\n"},
    {"Content-Length with leading zeros", "Content-Length: 0003\r\n"},
};

TEST(Http1, FieldLinesAreTakenOrRefusedAlikeInRequestsAndResponses) {
  for (const FieldCase& row : kFieldCases) {
    SCOPED_TRACE(row.name);
    const auto expect = [&](const Outcome& outcome, HeadError want, size_t bytes) {
      EXPECT_EQ(outcome.error, want);
      EXPECT_EQ(outcome.status, want == HeadError::kNone ? ParseStatus::kDone : ParseStatus::kError);
      if (want == HeadError::kNone) EXPECT_EQ(outcome.bytes, bytes);
    };
    const std::string asked = "POST /v1/messages HTTP/1.1\r\nHost: relay.test\r\n" + std::string(row.lines) + "\r\n";
    expect(request(asked + "body"), row.in_request, asked.size());
    const std::string answered = "HTTP/1.1 200 OK\r\n" + std::string(row.lines) + "\r\n";
    expect(response(answered + "body"), row.in_response, answered.size());
  }
}

// --- request lines and whole request heads

struct HeadCase {
  std::string_view name;
  std::string_view bytes;
  HeadError want = HeadError::kNone;
};

const HeadCase kRefusedRequests[] = {
    {"H18 header section begins with a blank", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", HeadError::kObsoleteFold},
    {"H20 HTTP/1.0 with Transfer-Encoding", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
     HeadError::kTransferEncoding},
    {"H29 bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", HeadError::kBareLineFeed},
    {"H32 no Host", "GET / HTTP/1.1\r\n\r\n", HeadError::kHost},
    {"H33 two Host", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HeadError::kHost},
    {"H34 Host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HeadError::kHost},
    {"Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HeadError::kHost},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HeadError::kHost},
    {"Host with userinfo", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", HeadError::kHost},
    {"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HeadError::kHost},
    {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", HeadError::kHost},
    {"Host with an empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", HeadError::kHost},
    {"Host with a port beyond 65535", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", HeadError::kHost},
    {"Host with two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", HeadError::kHost},
    {"Host of a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", HeadError::kHost},
    {"Host of an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", HeadError::kHost},
    {"Host of empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", HeadError::kHost},
    {"Host with something behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", HeadError::kHost},
    {"Host beyond ASCII", "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", HeadError::kHost},
    {"HTTP/1.0 with a bad Host", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", HeadError::kHost},
    {"H38 blank before the first field", "GET / HTTP/1.1\r\n\tX: a\r\nHost: a\r\n\r\n", HeadError::kObsoleteFold},
    {"H39 HTTP/1.32", "GET / HTTP/1.32\r\nHost: a\r\n\r\n", HeadError::kVersion},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", HeadError::kVersion},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", HeadError::kVersion},
    {"HTTP/3", "GET / HTTP/3\r\nHost: a\r\n\r\n", HeadError::kVersion},
    {"HTTP/01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", HeadError::kVersion},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::kVersion},
    {"H40 http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"HTTP/1.", "GET / HTTP/1.\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"HTTP/1.1x", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"HTTP 1.1", "GET / HTTP 1.1\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"H41 HTTP/0.9", "GET /\r\n\r\n", HeadError::kMalformed},
    {"H41 HTTP/0.9 without an end", "GET /\r\n", HeadError::kMalformed},
    {"HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n", HeadError::kMalformed},
    {"H42 space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"two blanks before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"two blanks before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"an empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"tab behind the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethod},
    {"tab in the target", "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"H43 NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv, HeadError::kMalformed},
    {"target beyond ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target with a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target with a half escape", "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target with a lone percent", "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target with an escape that is not hex", "GET /a%2g?x HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target with %00", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"query with %00", "GET /a?b=%41%00 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target of a query alone", "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"asterisk form for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
    {"authority form", "GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", HeadError::kTarget},
    {"H44 method lower-case junk", "get / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethod},
    {"method half lower-case", "Get / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethod},
    {"method with a parenthesis", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethod},
    {"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"H45 absolute form differs from Host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kHost},
    {"absolute form with another port", "GET http://a:81/ HTTP/1.1\r\nHost: a:80\r\n\r\n", HeadError::kHost},
    {"absolute form with userinfo", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kHost},
    {"absolute form without a host", "GET http:///v1 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kHost},
    {"absolute form in HTTP/1.0 without Host", "GET http://a/ HTTP/1.0\r\n\r\n", HeadError::kHost},
    {"H46 CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", HeadError::kMethodNotAllowed},
    {"H47 TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethodNotAllowed},
    {"a method nobody knows", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethodNotAllowed},
    {"a known method and more", "POSTS / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethodNotAllowed},
    {"a method with a dash", "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMethodNotAllowed},
    {"Expect: bogus in HTTP/1.0", "POST / HTTP/1.0\r\nExpect: bogus\r\n\r\n", HeadError::kExpectation},
    {"H58 two leading empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"leading LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kBareLineFeed},
    {"leading empty line, then LF", "\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kBareLineFeed},
    {"leading CR", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"leading blank", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kMalformed},
    {"H60 garbage bytes", "\xde\xad\xbe\xef\x01\x02", HeadError::kMalformed},
    {"garbage behind a letter", "A\x01", HeadError::kMalformed},
    {"H61 TLS hello on the plain port", "\x16\x03\x01\x02", HeadError::kMalformed},
    {"SSH on the port", "SSH-2.0-OpenSSH_9.2\r\n", HeadError::kMethod},
    {"a reply instead of a request", "HTTP/1.1 200 OK\r\n", HeadError::kMethod},
    {"bare CR in the request line", "GET /\r HTTP/1.1\r\n", HeadError::kMalformed},
};

TEST(Http1, RequestsThatAreRefused) {
  for (const HeadCase& row : kRefusedRequests) {
    SCOPED_TRACE(row.name);
    const Outcome outcome = request(row.bytes);
    EXPECT_EQ(outcome.status, ParseStatus::kError);
    EXPECT_EQ(outcome.error, row.want);
  }
}

struct TakenRequest {
  std::string_view name;
  std::string_view bytes;
  std::string_view first_line;  // method|target|path|query|host|
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;
};

const TakenRequest kTakenRequests[] = {
    {"the least request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/|/||a|"},
    {"path and query", "GET /v1/models?limit=1000&x=%2F%41 HTTP/1.1\r\nHost: a\r\n\r\n",
     "GET|/v1/models?limit=1000&x=%2F%41|/v1/models|?limit=1000&x=%2F%41|a|"},
    {"an empty query", "GET /? HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/?|/|?|a|"},
    {"two question marks", "GET /a?b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/a?b?c|/a|?b?c|a|"},
    {"two slashes", "GET //a HTTP/1.1\r\nHost: a\r\n\r\n", "GET|//a|//a||a|"},
    {"Host with a port", "PUT / HTTP/1.1\r\nhOST: a.b-c_d:65535\r\n\r\n", "PUT|/|/||a.b-c_d:65535|"},
    {"Host of an IPv4 address", "DELETE / HTTP/1.1\r\nHost: 127.0.0.1:8787\r\n\r\n", "DELETE|/|/||127.0.0.1:8787|"},
    {"Host of an IPv6 address", "PATCH / HTTP/1.1\r\nHost: [::ffff:10.0.0.1]:80\r\n\r\n",
     "PATCH|/|/||[::ffff:10.0.0.1]:80|"},
    {"HEAD", "HEAD /api/hello HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD|/api/hello|/api/hello||a|"},
    {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS|*|*||a|"},
    {"absolute form", "GET http://A.test:80/b?c HTTP/1.1\r\nHost: a.TEST:80\r\n\r\n",
     "GET|http://A.test:80/b?c|/b|?c|a.TEST:80|"},
    {"absolute form, https, no path", "GET HTTPS://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET|HTTPS://a|/||a|"},
    {"absolute form, query without a path", "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", "GET|http://a?b|/|?b|a|"},
    {"absolute form of OPTIONS", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS|http://a|*||a|"},
    {"one leading empty line", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/|/||a|"},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET|/|/|||", Framing::kNone, 0, false},
    {"HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET|/|/|||", Framing::kNone, 0,
     true},
    {"HTTP/1.0 with keep-alive and close", "GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", "GET|/|/|||",
     Framing::kNone, 0, false},
    {"HTTP/1.1 with close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", "GET|/|/||a|", Framing::kNone,
     0, false},
    {"close in a second Connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
     "GET|/|/||a|", Framing::kNone, 0, false},
    {"Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1234567890123\r\n\r\n", "POST|/|/||a|",
     Framing::kLength, 1234567890123},
    {"Content-Length 0", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST|/|/||a|", Framing::kLength,
     0},
    {"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "POST|/|/||a|", Framing::kChunked},
    {"H51 Expect: 100-continue", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n",
     "POST|/|/||a|", Framing::kLength, 3, true, true},
    {"Expect in HTTP/1.0 is ignored", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
     "POST|/|/|||", Framing::kLength, 3, false, false},
    {"H48 Upgrade is ignored", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
     "GET|/|/||a|"},
};

TEST(Http1, RequestsThatAreTaken) {
  for (const TakenRequest& row : kTakenRequests) {
    SCOPED_TRACE(row.name);
    for (std::string_view behind : {""sv, "GET /next HTTP/1.1\r\n"sv, "\n\0"sv}) {
      const Outcome outcome = request(std::string(row.bytes) + std::string(behind));
      EXPECT_EQ(outcome.status, ParseStatus::kDone);
      EXPECT_EQ(outcome.error, HeadError::kNone);
      EXPECT_EQ(outcome.first_line, row.first_line);
      EXPECT_EQ(outcome.framing, row.framing);
      EXPECT_EQ(outcome.content_length, row.content_length);
      EXPECT_EQ(outcome.keep_alive, row.keep_alive);
      EXPECT_EQ(outcome.expect_continue, row.expect_continue);
      EXPECT_EQ(outcome.bytes, row.bytes.size());
    }
    for (size_t n = 0; n < row.bytes.size(); ++n) {
      size_t scanned = 0;
      EXPECT_EQ(take_request(row.bytes.substr(0, n), scanned, {}).status, ParseStatus::kNeedMore) << n;
    }
  }
}

TEST(Http1, APipelinedRequestIsParsedBehindTheFirst) {
  const std::string_view bytes =
      "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n";
  size_t scanned = 0;
  const Outcome first = take_request(bytes, scanned, {});
  ASSERT_EQ(first.status, ParseStatus::kDone);
  scanned = 0;
  EXPECT_EQ(take_request(bytes.substr(first.bytes), scanned, {}).first_line, "GET|/b|/b||b|");
}

// --- responses

struct ResponseCase {
  std::string_view name;
  std::string_view bytes;
  HeadError want = HeadError::kNone;
  std::string_view first_line = {};  // status|reason|
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;
  bool keep_alive = true;
  bool to_head = false;
};

const ResponseCase kResponses[] = {
    {"Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HeadError::kNone, "200|OK|", Framing::kLength,
     3},
    {"chunked", "HTTP/1.1 529 Overloaded\r\nTransfer-Encoding: chunked\r\n\r\n", HeadError::kNone, "529|Overloaded|",
     Framing::kChunked},
    {"neither: until the connection closes", "HTTP/1.1 200 OK\r\n\r\n", HeadError::kNone, "200|OK|",
     Framing::kUntilClose, 0, false},
    {"neither, though keep-alive is said", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", HeadError::kNone,
     "200|OK|", Framing::kUntilClose, 0, false},
    {"100", "HTTP/1.1 100 Continue\r\n\r\n", HeadError::kNone, "100|Continue|", Framing::kNone},
    {"103 with a length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\n", HeadError::kNone, "103|Early Hints|",
     Framing::kNone},
    {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", HeadError::kNone, "204|No Content|",
     Framing::kNone},
    {"204 with chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", HeadError::kNone,
     "204|No Content|", Framing::kNone},
    {"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", HeadError::kNone,
     "304|Not Modified|", Framing::kNone},
    {"to HEAD with a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HeadError::kNone, "200|OK|",
     Framing::kNone, 0, true, true},
    {"to HEAD without a length", "HTTP/1.1 200 OK\r\n\r\n", HeadError::kNone, "200|OK|", Framing::kNone, 0, true, true},
    {"to HEAD with an ambiguous length",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
     HeadError::kAmbiguousLength,
     {},
     Framing::kNone,
     0,
     true,
     true},
    {"close", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", HeadError::kNone, "200|OK|",
     Framing::kLength, 3, false},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", HeadError::kNone, "200|OK|", Framing::kLength, 3,
     false},
    {"HTTP/1.0 with keep-alive", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
     HeadError::kNone, "200|OK|", Framing::kLength, 3, true},
    {"empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", HeadError::kNone, "200||", Framing::kLength, 0},
    {"no reason and no blank", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", HeadError::kNone, "200||", Framing::kLength,
     0},
    {"reason with blanks, tab and bytes beyond ASCII", "HTTP/1.1 200 a \t\xc3\xa4\r\nContent-Length: 0\r\n\r\n",
     HeadError::kNone, "200|a \t\xc3\xa4|", Framing::kLength, 0},
    {"500 with two of a field that may repeat",
     "HTTP/1.1 500 Oh\r\nServer: a\r\nServer: b\r\nContent-Length: 0\r\n\r\n", HeadError::kNone, "500|Oh|",
     Framing::kLength, 0},

    {"H20 HTTP/1.0 with Transfer-Encoding", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     HeadError::kTransferEncoding},
    {"H29 bare LF everywhere", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", HeadError::kBareLineFeed},
    {"H38 blank before the first field", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n", HeadError::kObsoleteFold},
    {"H39 HTTP/1.32", "HTTP/1.32 200 OK\r\n\r\n", HeadError::kVersion},
    {"HTTP/2", "HTTP/2 200\r\n\r\n", HeadError::kVersion},
    {"HTTP/0.9 by name", "HTTP/0.9 200 OK\r\n\r\n", HeadError::kStatus},
    {"H40 http/1.1", "http/1.1 200 OK\r\n\r\n", HeadError::kStatus},
    {"H41 no status line", "<html>", HeadError::kStatus},
    {"H58 leading empty line", "\r\nHTTP/1.1 200 OK\r\n\r\n", HeadError::kStatus},
    {"H60 garbage bytes", "\xde\xad", HeadError::kStatus},
    {"H61 TLS alert", "\x15\x03\x01", HeadError::kStatus},
    {"a request instead of a reply", "GET / HTTP/1.1\r\n\r\n", HeadError::kStatus},
    {"ICY", "ICY 200 OK\r\n\r\n", HeadError::kStatus},
    {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", HeadError::kStatus},
    {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", HeadError::kStatus},
    {"status 099", "HTTP/1.1 099 OK\r\n\r\n", HeadError::kStatus},
    {"status 600", "HTTP/1.1 600 OK\r\n\r\n", HeadError::kStatus},
    {"status +20", "HTTP/1.1 +20 OK\r\n\r\n", HeadError::kStatus},
    {"status 2x0", "HTTP/1.1 2x0 OK\r\n\r\n", HeadError::kStatus},
    {"two blanks before the status", "HTTP/1.1  200 OK\r\n\r\n", HeadError::kStatus},
    {"tab before the status", "HTTP/1.1\t200 OK\r\n\r\n", HeadError::kStatus},
    {"tab behind the status", "HTTP/1.1 200\tOK\r\n\r\n", HeadError::kStatus},
    {"version alone", "HTTP/1.1\r\n\r\n", HeadError::kStatus},
    {"version and a blank", "HTTP/1.1 \r\n\r\n", HeadError::kStatus},
    {"NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"sv, HeadError::kMalformed},
    {"bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", HeadError::kMalformed},
};

TEST(Http1, Responses) {
  for (const ResponseCase& row : kResponses) {
    SCOPED_TRACE(row.name);
    const Outcome outcome = response(std::string(row.bytes), {.limits = {}, .to_head = row.to_head});
    EXPECT_EQ(outcome.error, row.want);
    if (row.want != HeadError::kNone) {
      EXPECT_EQ(outcome.status, ParseStatus::kError);
      continue;
    }
    EXPECT_EQ(outcome.status, ParseStatus::kDone);
    EXPECT_EQ(outcome.first_line, row.first_line);
    EXPECT_EQ(outcome.framing, row.framing);
    EXPECT_EQ(outcome.content_length, row.content_length);
    EXPECT_EQ(outcome.keep_alive, row.keep_alive);
    EXPECT_EQ(outcome.bytes, row.bytes.size());
  }
}

// --- every byte, everywhere

TEST(Http1, EveryByteInEveryPlaceOfAHead) {
  for (int c = 0; c < 256; ++c) {
    const std::string byte(1, static_cast<char>(c));
    const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    // At different distances from the line's begin and from the end of the bytes, so that both kinds of scan meet it.
    for (size_t before : {0u, 1u, 15u, 16u, 17u, 40u}) {
      for (size_t behind : {0u, 1u, 30u}) {
        SCOPED_TRACE(testing::Message() << "byte " << c << " before " << before << " behind " << behind);
        size_t scanned = 0;
        const std::string value = "V: x" + std::string(before, 'y') + byte + std::string(behind, 'z') + "\r\n\r\n";
        EXPECT_EQ(take_request("GET / HTTP/1.1\r\nHost: a\r\n" + value, scanned, {}).status == ParseStatus::kDone,
                  !control);
        scanned = 0;
        EXPECT_EQ(take_response("HTTP/1.1 200 OK\r\n" + value, scanned, {}).status == ParseStatus::kDone, !control);

        const bool token =
            std::isalnum(c) != 0 || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c)));
        // A colon ends the name, and that is fine when a name stands before it.
        const bool name_fine = token || c == ':';
        scanned = 0;
        const std::string name = "N" + std::string(before, 'y') + byte + std::string(behind, 'z') + ":\r\n\r\n";
        EXPECT_EQ(take_request("GET / HTTP/1.1\r\nHost: a\r\n" + name, scanned, {}).status == ParseStatus::kDone,
                  name_fine);

        const bool target_fine = c > 0x20 && c < 0x7f && c != '#' && c != '%';
        scanned = 0;
        const std::string target =
            "GET /" + std::string(before, 'y') + byte + std::string(behind, 'z') + " HTTP/1.1\r\nHost: a\r\n\r\n";
        EXPECT_EQ(take_request(target, scanned, {}).status == ParseStatus::kDone, target_fine);
      }
    }
  }
}

// --- limits

std::string padded(std::string_view head, std::string_view name, size_t line_bytes) {
  return std::string(head) + std::string(name) + ":" + std::string(line_bytes - name.size() - 1, 'v') + "\r\n\r\n";
}

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n";
constexpr std::string_view kOk = "HTTP/1.1 204 No\r\n";

// Parses whole and in steps of 100 bytes: quicker than every cut for large heads.
Outcome take_in_steps(Take take, const std::string& bytes, const Options& options = {}) {
  size_t scanned = 0;
  const Outcome whole = take(bytes, scanned, options);
  scanned = 0;
  Outcome resumed;
  for (size_t n = 100; resumed.status == ParseStatus::kNeedMore; n += 100) {
    resumed = take(std::string_view(bytes).substr(0, n), scanned, options);
    if (n >= bytes.size()) break;
  }
  EXPECT_EQ(resumed, whole);
  return whole;
}

TEST(Http1, AFieldMayBeAsLongAsItsBoundAndNotLonger) {
  const HeadLimits limits;
  EXPECT_EQ(take_in_steps(take_request, padded(kGet, "V", limits.field_bytes_max)).status, ParseStatus::kDone);
  EXPECT_EQ(take_in_steps(take_request, padded(kGet, "V", limits.field_bytes_max + 1)).error, HeadError::kTooLarge);
  EXPECT_EQ(take_in_steps(take_response, padded(kOk, "V", limits.field_bytes_max)).status, ParseStatus::kDone);
  EXPECT_EQ(take_in_steps(take_response, padded(kOk, "V", limits.field_bytes_max + 1)).error, HeadError::kTooLarge);
  EXPECT_EQ(request(padded(kGet, "V", 40), {.limits = {.field_bytes_max = 40}}).status, ParseStatus::kDone);
  EXPECT_EQ(request(padded(kGet, "V", 41), {.limits = {.field_bytes_max = 40}}).error, HeadError::kTooLarge);
}

TEST(Http1, AFieldThatDoesNotEndIsRefusedBeforeTheHeadIsFull) {
  const HeadLimits limits;
  std::string bytes(kGet);
  bytes += "V: ";
  size_t scanned = 0;
  Outcome outcome;
  while (outcome.status == ParseStatus::kNeedMore && bytes.size() < limits.total_bytes_max) {
    bytes += "vvvvvvv";
    outcome = take_request(bytes, scanned, {});
  }
  EXPECT_EQ(outcome.error, HeadError::kTooLarge);
  EXPECT_LE(bytes.size(), limits.field_bytes_max + 1024 + 64);
}

TEST(Http1, ARequestLineThatDoesNotEndIsRefusedBeforeTheHeadIsFull) {
  const HeadLimits limits;
  for (const std::string begin : {"GET /", "AAAA"}) {
    std::string bytes = begin;
    size_t scanned = 0;
    Outcome outcome;
    while (outcome.status == ParseStatus::kNeedMore && bytes.size() < limits.total_bytes_max) {
      bytes += "AAAAAAA";
      outcome = take_request(bytes, scanned, {});
    }
    EXPECT_EQ(outcome.error, HeadError::kTooLarge);
    EXPECT_LE(bytes.size(), limits.target_bytes_max + 1024 + 128);
  }
}

TEST(Http1, ATargetMayBeAsLongAsItsBoundAndNotLonger) {
  const HeadLimits limits;
  const auto bytes = [](size_t target) {
    return "GET /" + std::string(target - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(take_in_steps(take_request, bytes(limits.target_bytes_max)).status, ParseStatus::kDone);
  EXPECT_EQ(take_in_steps(take_request, bytes(limits.target_bytes_max + 1)).error, HeadError::kTooLarge);
  EXPECT_EQ(take_in_steps(take_request, bytes(limits.target_bytes_max + 5000)).error, HeadError::kTooLarge);
}

TEST(Http1, H54ThereMayBeAsManyFieldsAsTheBoundAndNotMore) {
  const auto bytes = [](std::string_view head, size_t fields) {
    std::string text(head);
    for (size_t i = 0; i < fields; ++i) text += "F" + std::to_string(i) + ": v\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(take_in_steps(take_request, bytes(kGet, 99)).fields.size(), 100u);
  EXPECT_EQ(take_in_steps(take_request, bytes(kGet, 100)).error, HeadError::kTooLarge);
  EXPECT_EQ(take_in_steps(take_request, bytes(kGet, 200)).error, HeadError::kTooLarge);
  EXPECT_EQ(take_in_steps(take_response, bytes(kOk, 100)).fields.size(), 100u);
  EXPECT_EQ(take_in_steps(take_response, bytes(kOk, 101)).error, HeadError::kTooLarge);
}

TEST(Http1, H53AHeadMayBeAsLargeAsItsBoundAndNotLarger) {
  const HeadLimits limits;
  const auto bytes = [&](std::string_view head, size_t total) {
    std::string text(head);
    while (total - text.size() > 10'000 + 20) text += "F: " + std::string(9'000, 'v') + "\r\n";
    const size_t rest = total - text.size() - 4;
    return padded(text, "L", rest);
  };
  EXPECT_EQ(take_in_steps(take_request, bytes(kGet, limits.total_bytes_max)).bytes, limits.total_bytes_max);
  EXPECT_EQ(take_in_steps(take_request, bytes("\r\n" + std::string(kGet), limits.total_bytes_max)).bytes,
            limits.total_bytes_max);
  EXPECT_EQ(take_in_steps(take_request, bytes(kGet, limits.total_bytes_max + 1)).error, HeadError::kTooLarge);
  EXPECT_EQ(take_in_steps(take_request, bytes(kGet, limits.total_bytes_max + 9'000)).error, HeadError::kTooLarge);
  EXPECT_EQ(take_in_steps(take_response, bytes(kOk, limits.total_bytes_max)).bytes, limits.total_bytes_max);
  EXPECT_EQ(take_in_steps(take_response, bytes(kOk, limits.total_bytes_max + 1)).error, HeadError::kTooLarge);
  const std::string small = std::string(kGet) + "\r\n";
  EXPECT_EQ(request(small, {.limits = {.total_bytes_max = small.size()}}).status, ParseStatus::kDone);
  EXPECT_EQ(request(small, {.limits = {.total_bytes_max = small.size() - 1}}).error, HeadError::kTooLarge);
}

// --- what the fields are

TEST(Http1, FieldsKeepTheirBytesAndLoseTheirBlanks) {
  const Exact bytes("GET / HTTP/1.1\r\nHost: \t a \t\r\nX-Any:  b\tc  \r\nx-api-KEY:k\r\nEmpty: \t \r\n\r\n");
  RequestHead head;
  HeadError error = HeadError::kNone;
  size_t scanned = 0;
  ASSERT_EQ(parse_request(bytes.view(), scanned, {}, head, error), ParseStatus::kDone);
  ASSERT_EQ(head.fields.size(), 4u);
  EXPECT_EQ(head.host, "a");
  EXPECT_EQ(head.fields[1].name, "X-Any");
  EXPECT_EQ(head.fields[1].value, "b\tc");
  EXPECT_EQ(head.fields[2].name, "x-api-KEY");
  EXPECT_EQ(head.fields[2].id, FieldId::kXApiKey);
  EXPECT_EQ(head.fields[3].value, "");
  EXPECT_EQ(head.find(FieldId::kXApiKey), &head.fields[2]);
  EXPECT_EQ(head.find("x-any"), &head.fields[1]);
  EXPECT_EQ(head.find(FieldId::kCookie), nullptr);
  EXPECT_EQ(head.find("x-none"), nullptr);
}

TEST(Http1, AHeadIsReusedWithoutTracesOfTheLastOne) {
  RequestHead head;
  HeadError error = HeadError::kNone;
  size_t scanned = 0;
  ASSERT_EQ(
      parse_request("POST /a?b HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\nX: y\r\n\r\n", scanned, {}, head, error),
      ParseStatus::kDone);
  const Field* room = head.fields.data();
  scanned = 0;
  ASSERT_EQ(parse_request("GET / HTTP/1.1\r\nHost: c\r\n\r\n", scanned, {}, head, error), ParseStatus::kDone);
  EXPECT_EQ(head.fields.data(), room);
  EXPECT_EQ(head.fields.size(), 1u);
  EXPECT_EQ(head.framing, Framing::kNone);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.query, "");
  EXPECT_EQ(head.method, Method::kGet);
  EXPECT_EQ(head.version_minor, 1);
}

TEST(Http1, HopByHopFieldsAndThoseThatConnectionNames) {
  const Exact bytes(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nConnection: HTTP2-Settings\r\nKeep-Alive: timeout=5\r\n"
      "Proxy-Connection: close\r\nProxy-Authenticate: a\r\nProxy-Authorization: b\r\nTE: trailers\r\nTrailer: "
      "x\r\nUpgrade: h2c\r\n"
      "Transfer-Encoding: chunked\r\nx-hop: 1\r\nhttp2-settings: AAA\r\nx-hops: 2\r\nx-api-key: k\r\nContent-Type: "
      "a/b\r\n"
      "anthropic-beta: c\r\n\r\n");
  RequestHead head;
  HeadError error = HeadError::kNone;
  size_t scanned = 0;
  ASSERT_EQ(parse_request(bytes.view(), scanned, {}, head, error), ParseStatus::kDone);
  std::vector<std::string> kept;
  for (const Field& field : head.fields) {
    if (!head.hop_by_hop(field)) kept.emplace_back(field.name);
  }
  EXPECT_EQ(kept, (std::vector<std::string>{"Host", "x-hops", "x-api-key", "Content-Type", "anthropic-beta"}));
}

TEST(Http1, FieldIdsOfEveryKnownNameInAnyCase) {
  for (const detail::KnownName& known : detail::kExactNames) {
    SCOPED_TRACE(known.name);
    std::string upper(known.name);
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(field_id(known.name), known.id);
    EXPECT_EQ(field_id(upper), known.id);
    for (size_t i = 0; i < known.name.size(); ++i) {
      for (int delta : {1, 0x20, 0x80}) {  // a name that differs in one byte is another one
        std::string other(known.name);
        other[i] = static_cast<char>(other[i] ^ delta);
        if (std::toupper(other[i]) != upper[i]) EXPECT_NE(field_id(other), known.id) << other;
      }
      EXPECT_NE(field_id(known.name.substr(0, i)), known.id);
    }
    EXPECT_NE(field_id(std::string(known.name) + "s"), known.id);
  }
}

TEST(Http1, FieldIdsOfFamilies) {
  const std::pair<std::string_view, FieldId> rows[] = {
      {"X-Forwarded-For", FieldId::kXForwarded},
      {"x-forwarded-a-very-long-name-that-nobody-has-heard-of", FieldId::kXForwarded},
      {"x-forwarded", FieldId::kOther},
      {"baton-simulated", FieldId::kBatonOther},
      {"baton-key", FieldId::kBatonKey},
      {"Baton-Keys", FieldId::kBatonOther},
      {"batons", FieldId::kOther},
      {"anthropic-ratelimit-requests-limit", FieldId::kAnthropicLimit},
      {"Anthropic-Priority-Input-Tokens-Reset", FieldId::kAnthropicLimit},
      {"anthropic-fast-input-tokens-limit", FieldId::kAnthropicLimit},
      {"anthropic-organization-id", FieldId::kAnthropicOwner},
      {"anthropic-workspace-id", FieldId::kAnthropicOwner},
      {"anthropic-dangerous-direct-browser-access", FieldId::kOther},
      {"x-stainless-lang", FieldId::kOther},
      {"a", FieldId::kOther},
      {"", FieldId::kOther},
      {"content-length\r", FieldId::kOther},
      {"anthropic\rbeta", FieldId::kOther},
  };
  for (const auto& [name, id] : rows) EXPECT_EQ(field_id(name), id) << name;
}

// --- what is said about it

TEST(Http1, EveryErrorHasItsStatusAndASentenceOfItsOwn) {
  const std::pair<HeadError, int> rows[] = {
      {HeadError::kNone, 200},
      {HeadError::kMalformed, 400},
      {HeadError::kBareLineFeed, 400},
      {HeadError::kObsoleteFold, 400},
      {HeadError::kFieldName, 400},
      {HeadError::kFieldValue, 400},
      {HeadError::kAmbiguousLength, 400},
      {HeadError::kTransferEncoding, 400},
      {HeadError::kTransferCoding, 501},
      {HeadError::kHost, 400},
      {HeadError::kTarget, 400},
      {HeadError::kMethod, 400},
      {HeadError::kMethodNotAllowed, 405},
      {HeadError::kVersion, 505},
      {HeadError::kExpectation, 417},
      {HeadError::kDuplicateField, 400},
      {HeadError::kTooLarge, 431},
      {HeadError::kStatus, 502},
  };
  std::set<std::string_view> sentences;
  for (const auto& [error, status] : rows) {
    EXPECT_EQ(head_error_status(error), status);
    const std::string_view sentence = head_error_sentence(error);
    EXPECT_TRUE(sentence.ends_with('.')) << sentence;
    EXPECT_TRUE(sentences.insert(sentence).second) << sentence;
  }
}

TEST(Http1, ReasonPhrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(429), "Too Many Requests");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(499), "Client Closed Request");
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(reason_phrase(529), "Overloaded");
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

// --- mutations: a head with a few bytes changed means the same however it is cut

TEST(Http1, MutatedHeadsMeanTheSameHoweverTheyAreCut) {
  const std::string seeds[] = {
      "POST /v1/messages?beta=true HTTP/1.1\r\nHost: a.b:1\r\nContent-Length: 12\r\nConnection: "
      "keep-alive\r\nx-api-key: k\r\n\r\n",
      "\r\nGET http://a/b?c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nX_Y: "
      "z\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nanthropic-ratelimit-tokens-limit: 4\r\nset-cookie: a\r\n\r\n",
  };
  constexpr std::string_view kOdd = "\r\n\t :,;_-\0\x7f\xff%#*/?19aZ"sv;
  std::mt19937_64 random(20261124);
  int refused = 0;
  int taken = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = seeds[random() % std::size(seeds)];
    for (uint64_t edits = random() % 4; edits > 0; --edits) {
      const size_t at = random() % bytes.size();
      const char odd = kOdd[random() % kOdd.size()];
      switch (random() % 4) {
        case 0: bytes[at] = odd; break;
        case 1: bytes.insert(at, 1, odd); break;
        case 2: bytes.erase(at, 1); break;
        default: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 30)); break;
      }
    }
    for (const Outcome& outcome : {take_every_way(take_request, bytes), take_every_way(take_response, bytes)}) {
      refused += outcome.status == ParseStatus::kError;
      taken += outcome.status == ParseStatus::kDone;
    }
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << testing::PrintToString(bytes);
      break;
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(taken, 500);
}

}  // namespace
}  // namespace baton::http
