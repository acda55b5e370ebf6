// The head of a reply: status line, the handler's fields, framing and connection. Also the per-thread store of request
// heads.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/http1.h"

namespace baton::edge {

struct ReplyShape {
  int status = 200;
  std::string_view fields;
  int64_t length = -1;
  bool to_head = false;
  bool old_version = false;
  bool keep_alive = true;
  bool simulated = false;

  bool bodiless() const { return status == 204 || status == 304 || (status >= 100 && status < 200); }
  http::Framing framing() const;         // what the head announces
  http::Framing writer_framing() const;  // how content is written: kNone where none may follow
};

// The view is valid until the thread renders the next head.
std::string_view render_reply_head(const ReplyShape& shape);

// Parsed heads keep their vectors' room from request to request.
std::unique_ptr<http::RequestHead> take_head();
void give_head(std::unique_ptr<http::RequestHead> head);

}  // namespace baton::edge
