// What is said about a refused head: its status, its sentence, and the standard reason phrases.
#include "http/http1.h"

namespace baton::http {

int head_error_status(HeadError error) {
  switch (error) {
    case HeadError::kNone: return 200;
    case HeadError::kMalformed:
    case HeadError::kBareLineFeed:
    case HeadError::kObsoleteFold:
    case HeadError::kFieldName:
    case HeadError::kFieldValue:
    case HeadError::kAmbiguousLength:
    case HeadError::kTransferEncoding:
    case HeadError::kHost:
    case HeadError::kTarget:
    case HeadError::kMethod:
    case HeadError::kDuplicateField: return 400;
    case HeadError::kTransferCoding: return 501;
    case HeadError::kMethodNotAllowed: return 405;
    case HeadError::kVersion: return 505;
    case HeadError::kExpectation: return 417;
    case HeadError::kTooLarge: return 431;
    case HeadError::kStatus: return 502;
  }
  return 400;
}

std::string_view head_error_sentence(HeadError error) {
  switch (error) {
    case HeadError::kNone: return "The head is well-formed.";
    case HeadError::kMalformed:
      return "The bytes received are not an HTTP/1.1 head: a request begins with `METHOD /path HTTP/1.1`, every line "
             "ends with CR LF, "
             "and Connection names only fields that are meant for one hop.";
    case HeadError::kBareLineFeed: return "Every line of an HTTP/1.1 head ends with CR LF; a line feed stood alone.";
    case HeadError::kObsoleteFold:
      return "A header line must not begin with a blank: continued (folded) header lines are not accepted.";
    case HeadError::kFieldName:
      return "A header line is `Name: value`, and the name is made of letters, digits and !#$%&'*+-.^_`|~ with nothing "
             "between it "
             "and the colon.";
    case HeadError::kFieldValue:
      return "A header value contains a control character; NUL, CR, LF and other control characters are not allowed in "
             "it.";
    case HeadError::kAmbiguousLength:
      return "The length of the body is ambiguous: send exactly one Content-Length made of digits, or "
             "`Transfer-Encoding: chunked`, "
             "never both.";
    case HeadError::kTransferEncoding:
      return "Transfer-Encoding must be exactly `chunked`, once, and in HTTP/1.1 only.";
    case HeadError::kTransferCoding: return "The only transfer coding that is implemented is `chunked`.";
    case HeadError::kHost:
      return "Exactly one Host field with a valid host name is required, and an absolute request target must name the "
             "same host.";
    case HeadError::kTarget:
      return "The request target must begin with '/' and be printable ASCII without blanks, '#', %00 or incomplete "
             "percent escapes.";
    case HeadError::kMethod: return "The method must be made of upper-case letters, e.g. POST.";
    case HeadError::kMethodNotAllowed:
      return "This method is not served; the methods are GET, HEAD, POST, PUT, DELETE, PATCH and OPTIONS.";
    case HeadError::kVersion: return "The HTTP version must be HTTP/1.1 or HTTP/1.0.";
    case HeadError::kExpectation: return "The only expectation that can be met is `Expect: 100-continue`.";
    case HeadError::kDuplicateField:
      return "A header that may come only once came twice, or a header name imitates a known one with '_' in place of "
             "'-'.";
    case HeadError::kTooLarge:
      return "The request head is too large: its target, one of its fields, their number or their total is beyond the "
             "limit.";
    case HeadError::kStatus: return "The reply does not begin with an HTTP/1.1 status line.";
  }
  return "The head was refused.";
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 418: return "I'm a Teapot";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    case 529: return "Overloaded";
    default: return "Unknown";
  }
}

}  // namespace baton::http
