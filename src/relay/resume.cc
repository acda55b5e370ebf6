#include "relay/resume.h"

#include <optional>

#include "base/ascii.h"
#include "relay/attend.h"
#include "reuse/resumable.h"

namespace baton::relay {

using reuse::Flight;
using runtime::Task;

namespace {

std::unexpected<Error> not_found() {
  return fail(ErrorCode::kNotFound, Fault::kClient, "There is no such stream, or what follows is not held any more.");
}

// Nothing: no event was seen.
Expected<uint64_t> last_event(const http::RequestHead& head) {
  const auto* field = head.find("last-event-id");
  if (field == nullptr || field->value.empty()) return 0;
  const auto number = ascii::decimal(field->value);
  if (!number) return fail(ErrorCode::kBadRequest, Fault::kClient, "The Last-Event-ID is none that Baton gives.");
  return *number;
}

}  // namespace

Expected<bool> wants_resume(const http::RequestHead& head) {
  std::optional<std::string_view> wish;
  for (const auto& field : head.fields) {
    if (field.id != http::FieldId::kBatonOther || !ascii::equal_ignoring_case(field.name, "baton-resume")) continue;
    if (wish) return fail(ErrorCode::kBadRequest, Fault::kClient, "The header baton-resume came twice.");
    wish = field.value;
  }
  if (!wish || ascii::equal_ignoring_case(*wish, "off")) return false;
  if (ascii::equal_ignoring_case(*wish, "on")) return true;
  return fail(ErrorCode::kBadRequest, Fault::kClient, "The header baton-resume takes on or off.");
}

Task<Expected<void>> resume(const Parts& parts, Call& call) {
  const auto& head = call.exchange.head();
  if (call.route.wrong_method)
    co_return fail(ErrorCode::kMethodNotAllowed, Fault::kClient, "This path does not take this method.");
  auto stream = parts.resumables != nullptr ? parts.resumables->find(call.route.object_id) : nullptr;
  const bool credential = head.find(http::FieldId::kXApiKey) != nullptr ||
                          head.find(http::FieldId::kAuthorization) != nullptr ||
                          head.find(http::FieldId::kBatonKey) != nullptr;
  // The token is the right to read; but who shows a credential must be whom it was given to.
  if (stream != nullptr && credential) {
    auto caller = parts.authenticator.identify(
        head, net::IpAddress::parse(call.exchange.peer_address()).value_or(net::IpAddress{}), parts.loop.wall());
    if (!caller) co_return std::unexpected(caller.error());
    if (caller->name != stream->tenant()) stream = nullptr;
  }
  parts.metrics.stream_resumed(stream != nullptr);
  if (stream == nullptr) co_return not_found();
  call.outcome.client = stream->tenant();
  call.outcome.stream = true;
  const auto last = last_event(head);
  if (!last) co_return std::unexpected(last.error());
  const auto from = stream->behind(*last);
  if (!from || !stream->flight()->rejoin(*from)) co_return not_found();
  reuse::Seat seat(stream->flight(), parts.loop, *from);
  // An EventSource that has everything asks again; this ends it.
  if (stream->flight()->phase() == Flight::Phase::kEnded && *from == stream->flight()->end() &&
      !stream->flight()->ending().failure) {
    auto sent = co_await call.exchange.reply(204, "baton-request-id: " + call.outcome.request_id + "\r\n", {});
    if (!sent) call.outcome.ending = model::Ending::kClientGone;
    co_return Expected<void>{};
  }
  const std::string fields = "baton-request-id: " + call.outcome.request_id + "\r\n";
  if (!co_await attend(parts, call, seat, fields)) co_return not_found();
  co_return Expected<void>{};
}

}  // namespace baton::relay
