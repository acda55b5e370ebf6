#include "app/admin_handler.h"

#include "dialect/error_reply.h"

namespace baton::app {

runtime::Task<void> AdminHandler::serve(edge::Exchange& exchange) {
  const auto& head = exchange.head();
  if (auto page = page_reply(head)) {
    if (!exchange.body_complete()) exchange.close_after();
    if (auto sent = co_await exchange.reply(page->status, page->fields, page->body); !sent) exchange.abort();
    co_return;
  }
  auto reply = pages_.answer(head.method_text, head.path, head.host);
  std::string fields =
      "content-type: " + reply.content_type + "\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n";
  if (!reply.allow.empty()) fields += "allow: " + reply.allow + "\r\n";
  if (!exchange.body_complete()) exchange.close_after();
  if (auto sent = co_await exchange.reply(reply.status, fields, reply.body); !sent) exchange.abort();
}

std::optional<admin::PageReply> AdminHandler::page_reply(const http::RequestHead& head) const {
  if (!pages_.trusted_host(head.host)) return std::nullopt;  // refused below, like everything else
  auto value = [&head](std::string_view name) {
    const http::Field* field = head.find(name);
    return field != nullptr ? field->value : std::string_view();
  };
  return files_.answer({.method = head.method_text,
                        .path = head.path,
                        .accept_encoding = value("accept-encoding"),
                        .if_none_match = value("if-none-match")});
}

edge::Refusal AdminHandler::refuse(http::HeadError head_error, const Error& error, std::string_view) {
  auto reply =
      head_error != http::HeadError::kNone ? dialect::error_reply(head_error, "") : dialect::error_reply(error, "");
  return {reply.status, std::move(reply.fields), std::move(reply.body)};
}

}  // namespace baton::app
