#include "relay/nobody.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"

namespace baton::relay {

using runtime::IoResult;
using runtime::IoStatus;

namespace {

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view one) { return ascii::equal_ignoring_case(one, name); });
}

bool stays_behind(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kNames{
      "content-length", "transfer-encoding", "connection",   "keep-alive",   "te", "trailer", "upgrade",
      "expect",         "baton-cache",       "baton-resume", "cache-control"};
  return is_one_of(name, kNames);
}

bool is_coding(std::string_view name) {
  static constexpr std::array<std::string_view, 2> kNames{"content-encoding", "accept-encoding"};
  return is_one_of(name, kNames);
}

}  // namespace

std::string request_head(const Call& call, bool plain) {
  const auto& head = call.exchange.head();
  std::string text;
  text.append(head.method_text).append(" ").append(head.path).append(head.query).append(" HTTP/1.1\r\n");
  for (const auto& field : head.fields) {
    if (stays_behind(field.name) || (plain && is_coding(field.name))) continue;
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return text;
}

std::string request_text(std::string head, std::string_view more_fields, std::string_view body) {
  head.reserve(head.size() + more_fields.size() + body.size() + 64);
  head.append("content-length: ").append(std::to_string(body.size()));
  return head.append("\r\nconnection: close\r\n").append(more_fields).append("\r\n").append(body);
}

IoResult Nobody::try_read(std::span<char> into) {
  const size_t bytes = std::min(into.size(), request_.text.size() - read_);
  if (bytes == 0) return {IoStatus::kBlocked, 0};
  std::memcpy(into.data(), request_.text.data() + read_, bytes);
  read_ += bytes;
  if (read_ == request_.text.size()) {
    std::string().swap(request_.text);
    read_ = 0;
    request_.share.release();
    can_read_ = false;
  }
  return {IoStatus::kOk, bytes};
}

IoResult Nobody::try_write(std::span<const iovec> parts) {
  size_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return {bytes > 0 ? IoStatus::kOk : IoStatus::kBlocked, bytes};
}

}  // namespace baton::relay
