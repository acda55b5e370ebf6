// send(): one Attempt on one endpoint. Takes a connection, writes the request, reads the head of the answer.
// Life: per call. Thread: one loop. Bounds: SendOptions; heads up to HeadLimits; at most kInterimMax 1xx answers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/http1.h"
#include "net/body_reader.h"
#include "upstream/connection_pool.h"
#include "upstream/heads.h"

namespace baton::upstream {

inline constexpr int kInterimMax = 10;

// A request body that is passed on as it comes.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // The next piece, valid until the next suspension; empty at the end.
  virtual runtime::Task<Expected<std::string_view>> next() = 0;
  // Where it comes from, as long as there is more to come: when that is gone while nobody asks for the next piece, the
  // call is over.
  virtual runtime::ByteStream* sender() = 0;
};

struct SendOptions {
  std::string_view head;         // complete, rendered by append_request_head
  std::string_view body;         // whole; or
  BodySource* source = nullptr;  // in pieces
  bool source_chunked = false;
  bool to_head = false;
  bool fresh = false;  // never on a pooled connection
  Duration first_byte_timeout{0};
  Instant until{};  // the end of the whole call
};

// An answer whose head has come. The content that came with it is `early`.
struct Reply {
  std::unique_ptr<Connection> connection;
  std::unique_ptr<http::ResponseHead> head;
  std::string raw;  // what head's views are into
  net::BodyReader body;
  std::string_view early;  // inside raw
  bool ended = false;      // early is all there is
  bool whole_request_sent = true;
  bool reused_connection = false;
  bool keep_alive = false;  // the upstream keeps the connection
  Instant sent{};           // the request's last byte was written
  Instant arrived{};        // the answer's first byte was read

  Reply() = default;
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) noexcept = default;
  ~Reply();

  int status() const { return head->status; }
  // The body was read to its end: the connection goes back to its pool if it may be used again, else it is closed.
  void finish(ConnectionPool& pool, bool ended_cleanly);
  // Frees the head's bytes; head and early must not be used afterwards.
  void release_head();
};

// Errors: those of ConnectionPool::acquire (nothing was sent); kReset (the request may have been processed), kTimeout,
// kBadReply, kCancelled, and those of the source. With Retry::kSameAccount it was a pooled connection, closed before a
// byte of an answer came, and a fresh one is worth a try at once: kReset when the whole request had been written to it,
// kConnect when it broke before.
runtime::Task<Expected<Reply>> send(runtime::Loop& loop, ConnectionPool& pool, const SendOptions& options,
                                    runtime::Cancellation& cancel);

}  // namespace baton::upstream
