// Exchange: one request and its reply on a client's connection. The handler pulls the body and writes the reply; not
// pulling is the back-pressure. Life: on the connection's frame, from a parsed head to the end of the reply. Thread:
// the connection's loop. Bounds: a body held whole is charged to the shared ByteBudget; read_piece() holds nothing.
// Head and body are freed by release_request(), at the latest when the reply ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_budget.h"
#include "base/error.h"
#include "base/memory_pressure.h"
#include "base/units.h"
#include "edge/config.h"
#include "http/http1.h"
#include "net/body_reader.h"
#include "net/body_writer.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::edge {

// Head and body of a request as they came, in one allocation, with room behind for the JSON scanner.
class RequestBytes {
 public:
  RequestBytes() = default;
  RequestBytes(const RequestBytes&) = delete;
  RequestBytes& operator=(const RequestBytes&) = delete;
  ~RequestBytes();
  char* data() { return data_; }
  size_t size() const { return size_; }
  size_t room() const { return capacity_ - size_; }
  void reserve(size_t bytes);           // may move data()
  void append(std::string_view bytes);  // within or beyond the room
  void grew(size_t bytes) { size_ += bytes; }
  void truncate(size_t bytes) { size_ = bytes; }
  void clear();  // gives the memory back

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

class Exchange {
 public:
  const http::RequestHead& head() const { return *head_; }
  // Without port; of the connection, before any trusted proxy is considered.
  const std::string& peer_address() const { return *peer_address_; }
  runtime::Loop& loop() const { return *loop_; }
  // Cancelled when the client has gone or a drain ends.
  runtime::Cancellation& cancel() { return cancel_; }
  // Cancelled when a drain ends, though the client may have gone long before: for what goes on without it.
  runtime::Cancellation& cut_off() { return cut_off_; }
  runtime::ByteStream& stream() { return *stream_; }
  Instant started() const { return started_; }    // first byte of the head
  Instant complete() const { return complete_; }  // last byte of the body

  // The whole content as sent (still encoded), contiguous and followed by http::kJsonPadding readable bytes; valid
  // until release_request(). kBodyTooLarge, kTooSlow, kBadRequest (framing, short body), kOverloaded (the budget stayed
  // full), kCancelled.
  runtime::Task<Expected<std::string_view>> read_body(size_t bytes_max);
  // The next piece of content, valid until the next suspension; empty at the end. Errors as above, without the
  // budget's.
  runtime::Task<Expected<std::string_view>> read_piece(size_t bytes_max);
  // What read_body() gave; empty before.
  std::string_view body() const { return body_; }
  bool body_complete() const { return body_complete_; }
  uint64_t body_bytes() const { return body_bytes_; }
  // Frees head and body. head() must not be used afterwards.
  void release_request();

  // A whole reply. `fields` are complete lines ("name: value\r\n"); framing and connection fields are added here.
  // Success: everything was handed to the kernel. kCancelled: the client has gone or took nothing for too long.
  runtime::Task<Expected<void>> reply(int status, std::string_view fields, std::string_view content);

  // A reply in pieces: begin once, then write to the writer. `length` < 0: not known. Head and `content` leave in one
  // write.
  struct Begin {
    int status = 200;
    std::string_view fields;
    int64_t length = -1;
    std::string_view content;
    bool last = false;
  };
  // False when the connection is broken.
  bool begin(const Begin& what);
  net::BodyWriter& writer() { return writer_; }
  bool replied() const { return replied_; }
  int status() const { return status_; }
  Instant first_byte() const { return first_byte_; }
  // Waits until at most `pending_max` bytes wait for the client. kCancelled: gone, or no progress within
  // write_stall_timeout.
  runtime::Task<Expected<void>> drain(size_t pending_max);
  // Ends the reply so that it cannot look complete.
  void abort();
  // The connection is not used again after this reply.
  void close_after() { keep_alive_ = false; }

  void mark_simulated() { simulated_ = true; }

 private:
  friend class Connection;
  // Turns the client's hangup into the call's cancellation.
  struct HangupWatch : runtime::Waiter {
    runtime::Cancellation* cancel = nullptr;
  };

  Exchange(runtime::Loop& loop, runtime::ByteStream& stream, const Config& config, ByteBudget& budget,
           const bool& draining, const MemoryPressure* pressure);
  ~Exchange();
  // Takes over a parsed head; `bytes` is all that was read, from the head's first byte on.
  void start(std::unique_ptr<http::RequestHead> head, std::string_view bytes);
  void finish_body();
  void watch_hangup();
  void want_body();
  runtime::Task<Expected<void>> reserve_body(size_t bytes);
  runtime::Task<Expected<void>> wait_for_bytes();
  Expected<net::BodyReader::Result> take(net::BodyReader::Result result);

  runtime::Loop* loop_;
  runtime::ByteStream* stream_;
  const Config* config_;
  const std::string* peer_address_ = nullptr;
  std::unique_ptr<http::RequestHead> head_;
  RequestBytes bytes_;
  BudgetShare share_;
  net::BodyReader reader_;
  net::BodyWriter writer_;
  runtime::Cancellation cancel_;
  runtime::Cancellation cut_off_;
  std::string_view body_;
  std::string leftover_;  // bytes of the next request that came with this one's
  size_t early_ = 0;      // content bytes (still framed) that came with the head and lie behind it, not yet taken
  HangupWatch watch_;
  const bool* draining_;
  const MemoryPressure* pressure_;
  uint64_t body_bytes_ = 0;
  Instant started_;
  Instant complete_;
  Instant first_byte_;
  Instant body_started_;
  int status_ = 0;
  bool body_complete_ = false;
  bool keep_alive_ = true;
  bool expect_continue_ = false;
  bool to_head_ = false;
  bool old_version_ = false;  // HTTP/1.0: no chunked reply
  bool replied_ = false;
  bool aborted_ = false;
  bool simulated_ = false;
  bool unwritable_ = false;
};

// A refusal that the edge itself has to make, rendered by the handler's dialect.
struct Refusal {
  int status = 400;
  std::string fields;
  std::string content;
  bool simulated = false;
};

// What a server does with its requests.
class Handler {
 public:
  virtual ~Handler() = default;
  // Serves one exchange. It must reply (or abort) before it returns; if it does not, the connection is reset.
  virtual runtime::Task<void> serve(Exchange& exchange) = 0;
  // A head that was refused (`head_error` set) or did not come in time (kTooSlow) or over a bound (kOverloaded).
  virtual Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) = 0;
};

}  // namespace baton::edge
