#include "edge/reply_head.h"

#include <charconv>
#include <string>
#include <vector>

namespace baton::edge {

http::Framing ReplyShape::framing() const {
  if (bodiless()) return http::Framing::kNone;
  if (length >= 0) return http::Framing::kLength;
  return old_version ? http::Framing::kUntilClose : http::Framing::kChunked;
}

http::Framing ReplyShape::writer_framing() const { return to_head ? http::Framing::kNone : framing(); }

std::string_view render_reply_head(const ReplyShape& shape) {
  thread_local std::string head;
  head.clear();
  head.append("HTTP/1.1 ");
  char digits[20];
  head.append(digits, std::to_chars(digits, digits + sizeof digits, shape.status).ptr);
  head.push_back(' ');
  head.append(http::reason_phrase(shape.status));
  head.append("\r\n");
  head.append(shape.fields);
  if (shape.simulated) head.append("baton-simulated: 1\r\n");
  switch (shape.framing()) {
    case http::Framing::kLength:
      head.append("content-length: ");
      head.append(digits, std::to_chars(digits, digits + sizeof digits, shape.length).ptr);
      head.append("\r\n");
      break;
    case http::Framing::kChunked: head.append("transfer-encoding: chunked\r\n"); break;
    case http::Framing::kNone:
    case http::Framing::kUntilClose: break;
  }
  if (!shape.keep_alive) {
    head.append("connection: close\r\n");
  } else if (shape.old_version) {
    head.append("connection: keep-alive\r\n");
  }
  head.append("\r\n");
  return head;
}

namespace {
constexpr size_t kHeadsKept = 64;
thread_local std::vector<std::unique_ptr<http::RequestHead>> heads;
}  // namespace

std::unique_ptr<http::RequestHead> take_head() {
  if (heads.empty()) return std::make_unique<http::RequestHead>();
  auto head = std::move(heads.back());
  heads.pop_back();
  return head;
}

void give_head(std::unique_ptr<http::RequestHead> head) {
  if (heads.size() < kHeadsKept) heads.push_back(std::move(head));
}

}  // namespace baton::edge
