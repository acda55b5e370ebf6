// Nobody: the client of a call that the relay makes by itself: its request is there, and what is written to it is gone.
// request_head() is the head of a call of a client's, for such a request. Life: with its connection. Thread: its
// loop's. Bounds: the request, charged to a budget until it is read.
#pragma once

#include <string>
#include <string_view>

#include "base/byte_budget.h"
#include "relay/call.h"
#include "runtime/byte_stream.h"

namespace baton::relay {

class Nobody : public runtime::ByteStream {
 public:
  struct Request {
    std::string peer;  // whom it is made for
    std::string text;
    BudgetShare share;
  };
  explicit Nobody(Request request) : request_(std::move(request)) { can_read_ = true; }

  runtime::IoResult try_read(std::span<char> into) override;
  runtime::IoResult try_write(std::span<const iovec> parts) override;
  void close(bool) override {}
  void shut_write() override {}
  std::string peer_address() const override { return request_.peer; }

 private:
  Request request_;
  size_t read_ = 0;
};

// Its first line and its fields, without those that concern the client's own connection, the body's length or how its
// reply was to be found. `plain`: without codings either way.
std::string request_head(const Call& call, bool plain);
// The same with its end and a body.
std::string request_text(std::string head, std::string_view more_fields, std::string_view body);

}  // namespace baton::relay
