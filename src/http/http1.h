// HTTP/1.1 heads: strict, resumable at any byte, without I/O. Everything ambiguous is refused; nothing is repaired.
// Life: a parsed head is views into the bytes it was parsed from, valid as long as they stay where they are. Thread:
// any. Bounds: HeadLimits. Source: RFC 9110, RFC 9112 (read 2026-11).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace baton::http {

struct HeadLimits {
  size_t total_bytes_max = 64 * 1024;
  size_t field_bytes_max = 16 * 1024;
  size_t fields_max = 100;
  size_t target_bytes_max = 8 * 1024;
};

// Fields that the relay itself reads or writes; everything else is kOther and only travels through.
enum class FieldId : uint8_t {
  kOther,
  kAccept,
  kAcceptEncoding,
  kAnthropicBeta,
  kAnthropicVersion,
  kAuthorization,
  kConnection,
  kContentEncoding,
  kContentLength,
  kContentType,
  kCookie,
  kDate,
  kExpect,
  kForwarded,
  kHost,
  kKeepAlive,
  kOrigin,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kRequestId,
  kRetryAfter,
  kServer,
  kSetCookie,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kVia,
  kXApiKey,
  kXForwarded,  // any x-forwarded-*
  kXRealIp,
  kBatonKey,        // baton-key
  kBatonOther,      // any other baton-*
  kAnthropicLimit,  // any anthropic-ratelimit-*, anthropic-priority-*, anthropic-fast-*
  kAnthropicOwner,  // anthropic-organization-id, anthropic-workspace-id
};

struct Field {
  std::string_view name;   // as sent
  std::string_view value;  // without surrounding blanks
  FieldId id = FieldId::kOther;
};

// The id of a field name, any case; kOther for what is not a token. Never allocates.
FieldId field_id(std::string_view name);

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions, kOther };

enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };

// Why a head was refused; each has a status and a sentence (head_error_status, head_error_sentence).
enum class HeadError : uint8_t {
  kNone,
  kMalformed,         // 400: anything that the grammar does not allow
  kBareLineFeed,      // 400
  kObsoleteFold,      // 400
  kFieldName,         // 400
  kFieldValue,        // 400
  kAmbiguousLength,   // 400: Content-Length twice, as a list, not digits, or beside Transfer-Encoding
  kTransferEncoding,  // 400: chunked is not the one and only last coding; or HTTP/1.0 with Transfer-Encoding
  kTransferCoding,    // 501: a coding that is not implemented
  kHost,              // 400: none, twice, malformed, or not that of an absolute target
  kTarget,            // 400
  kMethod,            // 400: not a token
  kMethodNotAllowed,  // 405: a valid token that is not served (CONNECT, TRACE, unknown)
  kVersion,           // 505
  kExpectation,       // 417
  kDuplicateField,    // 400: a field that must come once came twice, or a '_' twin of a known field
  kTooLarge,          // 431
  kStatus,            // a response whose status line is not acceptable
};

int head_error_status(HeadError error);
std::string_view head_error_sentence(HeadError error);

enum class ParseStatus : uint8_t { kDone, kNeedMore, kError };

// Shared by both kinds of head.
struct Head {
  std::vector<Field> fields;
  int version_minor = 1;
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;  // when framing is kLength
  bool keep_alive = true;
  size_t bytes = 0;  // of the head, the empty line included

  // The first field with this id, or nullptr.
  const Field* find(FieldId id) const;
  // The first field with this name (lower case), or nullptr.
  const Field* find(std::string_view lower_name) const;
  // Whether `field` is named by a Connection field of this head, or is hop-by-hop by itself (RFC 9110 7.6.1).
  bool hop_by_hop(const Field& field) const;
};

struct RequestHead : Head {
  Method method = Method::kOther;
  std::string_view method_text;
  std::string_view target;  // as sent
  std::string_view path;    // of the target, without the query; "/" (OPTIONS: "*") when an absolute target has none
  std::string_view query;   // with its '?', or empty
  std::string_view host;    // of Host
  bool expect_continue = false;
};

struct ResponseHead : Head {
  int status = 0;
  std::string_view reason;
};

// Parses the head that `bytes` begins with. kDone: `head.bytes` says where it ends. kNeedMore: call again with more
// bytes (the same ones in front); `scanned` remembers how far the end was searched, start it at 0. kError: `error` is
// set, the connection must be closed after the answer. `head` is reused: its vector keeps its room.
ParseStatus parse_request(std::string_view bytes, size_t& scanned, const HeadLimits& limits, RequestHead& head,
                          HeadError& error);

// The mirror for upstream answers. `to_head`: the request was HEAD, so that there is no body whatever the fields say.
// 1xx, 204 and 304 have none either.
ParseStatus parse_response(std::string_view bytes, size_t& scanned, const HeadLimits& limits, bool to_head,
                           ResponseHead& head, HeadError& error);

// The standard reason phrase, "Unknown" for others (529 is "Overloaded").
std::string_view reason_phrase(int status);

}  // namespace baton::http
