#include "app/admin_handler.h"

#include "dialect/error_reply.h"
#include "http/encode.h"

namespace baton::app {

namespace {

constexpr size_t kPackedFrom = 4096;  // bytes of an answer that is worth packing
constexpr std::string_view kFields = "cache-control: no-store\r\nx-content-type-options: nosniff\r\n";

std::optional<std::string_view> value_of(const http::RequestHead& head, std::string_view name) {
  const http::Field* field = head.find(name);
  if (field == nullptr) return std::nullopt;
  return field->value;
}

admin::ApiHead api_head(const edge::Exchange& exchange) {
  const auto& head = exchange.head();
  return {.method = head.method_text,
          .path = head.path,
          .query = head.query,
          .host = head.host,
          .authorization = value_of(head, "authorization"),
          .origin = value_of(head, "origin"),
          .fetch_site = value_of(head, "sec-fetch-site"),
          .content_type = value_of(head, "content-type"),
          .peer = exchange.peer_address(),
          .has_body = head.framing == http::Framing::kChunked ||
                      (head.framing == http::Framing::kLength && head.content_length > 0)};
}

runtime::Task<void> send(edge::Exchange& exchange, int status, std::string fields, std::string body) {
  fields += kFields;
  if (!exchange.body_complete()) exchange.close_after();
  if (auto sent = co_await exchange.reply(status, fields, body); !sent) exchange.abort();
}

runtime::Task<void> send(edge::Exchange& exchange, admin::ApiReply reply) {
  std::string fields = "content-type: application/json\r\n" + reply.fields;
  if (exchange.head().method == http::Method::kGet && reply.body.size() >= kPackedFrom &&
      admin::accepts_gzip(value_of(exchange.head(), "accept-encoding").value_or(""))) {
    if (auto packed = http::encode_whole(http::Coding::kGzip, reply.body)) {
      reply.body = std::move(*packed);
      fields += "content-encoding: gzip\r\n";
    }
    fields += "vary: accept-encoding\r\n";
  }
  co_await send(exchange, reply.status, std::move(fields), std::move(reply.body));
}

}  // namespace

runtime::Task<void> AdminHandler::serve(edge::Exchange& exchange) {
  const auto& head = exchange.head();
  if (parts_.api != nullptr) {
    if (auto page = page_reply(head)) {
      if (!exchange.body_complete()) exchange.close_after();
      if (auto sent = co_await exchange.reply(page->status, page->fields, page->body); !sent) exchange.abort();
      co_return;
    }
    if (admin::Api::is_api(head.path) && parts_.pages.trusted_host(head.host)) {
      co_await serve_api(exchange);
      co_return;
    }
    if (auto refused = metrics_refused(exchange)) {
      co_await send(exchange, std::move(*refused));
      co_return;
    }
  }
  auto reply = parts_.pages.answer(head.method_text, head.path, head.host);
  std::string fields = "content-type: " + reply.content_type + "\r\n";
  if (!reply.allow.empty()) fields += "allow: " + reply.allow + "\r\n";
  co_await send(exchange, reply.status, std::move(fields), std::move(reply.body));
}

std::optional<admin::ApiReply> AdminHandler::metrics_refused(edge::Exchange& exchange) const {
  if (!parts_.metrics_need_token || exchange.head().path != "/metrics") return std::nullopt;
  return parts_.api->denied(api_head(exchange), exchange.loop().now());
}

runtime::Task<void> AdminHandler::serve_api(edge::Exchange& exchange) {
  auto call = parts_.api->admit(api_head(exchange), exchange.loop().now());
  if (!call) {
    co_await send(exchange, std::move(call.error()));
    co_return;
  }
  if (call->route->operation == admin::Operation::kLive && exchange.head().method == http::Method::kGet) {
    if (parts_.live->has_room()) {
      co_await parts_.live->serve(exchange, *parts_.overview);
    } else {
      co_await send(exchange, admin::api_error(429, "So many look already that no other can."));
    }
    co_return;
  }
  auto body = co_await exchange.read_body(admin::kBodyBytesMax);
  if (!body) {
    if (body.error().code == ErrorCode::kCancelled) {
      exchange.abort();
    } else {
      exchange.close_after();
      co_await send(exchange, admin::api_error(body.error()));
    }
    co_return;
  }
  call->body = *body;
  call->cancel = &exchange.cancel();
  admin::ApiReply reply = co_await parts_.api->run(*call);
  co_await send(exchange, std::move(reply));
}

std::optional<admin::PageReply> AdminHandler::page_reply(const http::RequestHead& head) const {
  if (!parts_.pages.trusted_host(head.host)) return std::nullopt;  // refused below, like everything else
  return files_.answer({.method = head.method_text,
                        .path = head.path,
                        .accept_encoding = value_of(head, "accept-encoding").value_or(""),
                        .if_none_match = value_of(head, "if-none-match").value_or("")});
}

edge::Refusal AdminHandler::refuse(http::HeadError head_error, const Error& error, std::string_view) {
  auto reply =
      head_error != http::HeadError::kNone ? dialect::error_reply(head_error, "") : dialect::error_reply(error, "");
  return {reply.status, std::move(reply.fields), std::move(reply.body)};
}

}  // namespace baton::app
