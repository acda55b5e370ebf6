#include "sim/sim_handler.h"

#include "base/ascii.h"
#include "sim/api_error.h"
#include "sim/deliver.h"

namespace baton::sim {

namespace {

ApiError error_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kBodyTooLarge: return error_of_status(413);
    case ErrorCode::kTooSlow: return error_of_status(408);
    case ErrorCode::kOverloaded: return error_of_status(529);
    default: return {.message = error.detail};
  }
}

std::string fields_of(std::string_view request_id) {
  return "content-type: application/json\r\nrequest-id: " + std::string(request_id) + "\r\n";
}

}  // namespace

runtime::Task<void> SimHandler::serve(edge::Exchange& exchange) {
  if (options_.standalone) {
    exchange.mark_simulated();
    if (exchange.head().path == "/baton-sim/books") {
      std::string books = simulator_.books_json();
      co_await exchange.reply(200, "content-type: application/json\r\n", books);
      co_return;
    }
  }
  auto body = co_await exchange.read_body(simulator_.body_bytes_max(exchange.head().path));
  if (!body) {
    if (body.error().code == ErrorCode::kCancelled) co_return;
    ApiError error = error_of(body.error());
    std::string id = simulator_.next_request_id();
    std::string fields = fields_of(id);
    std::string content = error_body(error, id);
    co_await exchange.reply(error.status, fields, content);
    co_return;
  }
  Reply reply = answer(exchange, *body);
  exchange.release_request();
  End end = co_await deliver(exchange, reply);
  if (end == End::kBroken) exchange.abort();
  bool complete = end == End::kWhole;
  uint64_t tokens = 0;
  if (reply.source) {
    tokens = reply.source->tokens_given();
  } else if (complete) {
    tokens = reply.receipt.output_tokens;
  }
  simulator_.finish(reply.receipt, {.output_tokens = tokens, .complete = complete}, exchange.loop().now());
}

Reply SimHandler::answer(edge::Exchange& exchange, std::string_view body) {
  const http::RequestHead& head = exchange.head();
  std::string control;
  Request request{.method = head.method_text,
                  .path = head.path,
                  .query = head.query,
                  .body = body,
                  .host = head.host,
                  .scheme = options_.scheme,
                  .now = exchange.loop().now(),
                  .wall = exchange.loop().wall()};
  for (const http::Field& field : head.fields) {
    switch (field.id) {
      case http::FieldId::kXApiKey: request.x_api_key = field.value; break;
      case http::FieldId::kAuthorization: request.authorization = field.value; break;
      case http::FieldId::kAnthropicVersion: request.version = field.value; break;
      case http::FieldId::kContentType: request.content_type = field.value; break;
      case http::FieldId::kContentEncoding: request.content_encoding = field.value; break;
      case http::FieldId::kBatonOther:
        if (!ascii::equal_ignoring_case(field.name, "baton-sim")) break;
        if (!control.empty()) control += ',';
        control += field.value;
        break;
      default: break;
    }
  }
  request.control = control;
  return simulator_.answer(request, scanner_);
}

edge::Refusal SimHandler::refuse(http::HeadError head_error, const Error& error, std::string_view) {
  ApiError refusal = error_of(error);
  if (head_error != http::HeadError::kNone) {
    refusal = error_of_status(http::head_error_status(head_error));
    refusal.message = http::head_error_sentence(head_error);
  }
  std::string id = simulator_.next_request_id();
  std::string fields = fields_of(id);
  if (options_.standalone) fields += "baton-simulated: 1\r\n";
  return {.status = refusal.status, .fields = std::move(fields), .content = error_body(refusal, id)};
}

}  // namespace baton::sim
