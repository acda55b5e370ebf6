// Connection: one client connection from accept to close, a coroutine that walks through its requests.
// Life: on the frame of Server::serve. Thread: the server's loop. Private to edge/.
#pragma once

#include "edge/server.h"

namespace baton::edge {

class Connection {
 public:
  Connection(Server& server, runtime::ByteStream& stream);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  runtime::Task<void> run();
  bool idle() const { return idle_; }
  // Ends the wait for the next request; one that has come is served. It is not idle any more.
  void close_idle() {
    idle_ = false;
    wait_.cancel(runtime::CancelReason::kDrain);
  }
  // Ends whatever it does.
  void cut();

  Connection* next = nullptr;
  Connection* previous = nullptr;

 private:
  enum class Step : uint8_t { kServe, kRefuse, kClose };
  struct HeadResult {
    Step step = Step::kClose;
    http::HeadError head_error = http::HeadError::kNone;
    Error error;
  };
  runtime::Task<HeadResult> read_head(Exchange& exchange, std::string leftover);
  runtime::Task<void> serve(Exchange& exchange);
  runtime::Task<void> refuse(Exchange& exchange, const HeadResult& why);
  runtime::Task<void> linger();

  Server& server_;
  runtime::ByteStream& stream_;
  runtime::Cancellation wait_;
  Exchange* exchange_ = nullptr;
  std::string peer_address_;
  bool idle_ = true;
};

}  // namespace baton::edge
