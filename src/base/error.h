// Error: what went wrong, whose fault it is, and whether trying again can help.
// Life: a value, returned inside Expected<T>. Thread: any. Bounds: `detail` is for logs and error sentences, a line at
// most. Expected trouble (a 429, a reset, bad JSON, a client that left) is a value; exceptions end in the wrapper that
// called a library.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace baton {

enum class ErrorCode : uint8_t {
  // the client's bytes
  kBadRequest,        // ambiguous or malformed framing, bad JSON
  kHeadTooLarge,      // 431
  kBodyTooLarge,      // 413
  kTooSlow,           // 408: the client did not send in time
  kUnsupported,       // 415, 417, 501: a coding or an expectation that is not implemented
  kMethodNotAllowed,  // 405
  kVersion,           // 505
  kNotFound,          // 404
  // who is calling
  kUnauthenticated,  // 401
  kForbidden,        // 403
  kRateLimited,      // 429: the caller has reached a limit of its own key
  kBudgetSpent,      // 402: the caller's budget does not allow the call
  // the other side of us
  kConnect,         // refused, unreachable, no address: nothing was sent
  kConnectTimeout,  // the same, by silence
  kTls,             // certificate or handshake: nothing was sent
  kReset,           // the connection ended before the message did
  kTimeout,         // no first byte, or silence beyond the idle limit
  kBadReply,        // the upstream's framing or content is not acceptable
  kReplyTooLarge,   // a reply that must be held whole is larger than its bound
  // ourselves
  kCancelled,   // the client has gone, or a drain ended
  kOverloaded,  // a bound of ours is reached
  kNoAccount,   // no account may take this call
  kConfig,      // a setting is wrong
  kStore,       // a store did not do what was asked
  kInternal,
};

enum class Fault : uint8_t { kClient, kAccount, kUpstream, kUs };

// What the one who holds the error may do next.
enum class Retry : uint8_t { kNever, kSameAccount, kOtherAccount, kLater };

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  Fault fault = Fault::kUs;
  Retry retry = Retry::kNever;
  std::string detail;
};

template <class T>
using Expected = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, Fault fault, std::string detail, Retry retry = Retry::kNever) {
  return std::unexpected<Error>(Error{code, fault, retry, std::move(detail)});
}

// The code's name as it appears in logs and metric labels, e.g. "connect_timeout". Never fails.
std::string_view name(ErrorCode code);

}  // namespace baton
