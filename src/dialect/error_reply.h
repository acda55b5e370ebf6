// ErrorReply: the relay's own errors in the vendor's JSON shape, with a type, a request id and a sentence that helps.
// The one place where an Error becomes something that a client sees. Life: values. Thread: any; pure. Bounds: a
// sentence is at most kSentenceBytesMax; of the input it repeats what the Error's detail repeats, printable characters
// only. The detail is shown for the client's own faults alone: what it says of upstreams is for the log. Source: vendor
// API reference, Errors (read 2026-11); RFC 9110 15.5 for allow, accept and www-authenticate.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/units.h"
#include "http/http1.h"

namespace baton::dialect {

inline constexpr size_t kSentenceBytesMax = 400;
// Clients give up at once on a retry-after of a minute or more.
inline constexpr Duration kRetryAfterMax = std::chrono::seconds(50);

struct ErrorReply {
  int status = 500;
  std::string body;
  std::string fields;  // rendered "name: value\r\n" lines; content-length and connection are the edge's
};

// What only the caller knows about an answer.
struct ReplyHints {
  Duration retry_after{0};  // when waiting helps and the time is known: clamped to 1..50 s, whole seconds, rounded up
  bool hopeless = false;    // the wait is so long that the client had better give up
  std::string_view allow = {};  // of a 405: the methods that the path has (model::Route::allow)
};

// Every code has a row; status, type and sentence are fixed by it. x-should-retry: false goes with what a second try
// cannot mend.
ErrorReply error_reply(const Error& error, std::string_view request_id, const ReplyHints& hints = {});

// For a head that was refused; the connection must be closed after it.
ErrorReply error_reply(http::HeadError error, std::string_view request_id);

// The `error` event that ends a stream which cannot be completed, its blank line included. Put it between two events
// only.
std::string error_event(const Error& error, std::string_view request_id);

// Our own sign of life in a silent stream. Put it between two events only.
inline constexpr std::string_view kPingEvent = "event: ping\ndata: {\"type\": \"ping\"}\n\n";

}  // namespace baton::dialect
