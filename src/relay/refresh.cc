#include "relay/refresh.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"
#include "relay/relay.h"

namespace baton::relay {

using runtime::IoResult;
using runtime::IoStatus;
using runtime::Task;

namespace {

// What concerns the client's own connection, or how its reply was to be found.
bool stays_behind(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kNames{
      "content-length", "transfer-encoding", "connection",   "keep-alive",   "te", "trailer", "upgrade",
      "expect",         "baton-cache",       "baton-resume", "cache-control"};
  return std::ranges::any_of(kNames, [&](std::string_view one) { return ascii::equal_ignoring_case(one, name); });
}

std::string request_text(const Call& call) {
  const auto& head = call.exchange.head();
  const std::string_view body = call.exchange.body();
  std::string text;
  text.reserve(body.size() + 2 * kKiB);
  text.append(head.method_text).append(" ").append(head.path).append(head.query).append(" HTTP/1.1\r\n");
  for (const auto& field : head.fields) {
    if (!stays_behind(field.name)) text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  text.append("content-length: ").append(std::to_string(body.size()));
  return text.append("\r\nconnection: close\r\nbaton-cache: refresh\r\n\r\n").append(body);
}

}  // namespace

// The client that nobody is: its request is there, and what is written to it is gone.
class Refreshes::Stream final : public runtime::ByteStream {
 public:
  Stream(runtime::Loop& loop, Relay& relay, std::shared_ptr<const void> life, const Call& call, BudgetShare share,
         std::shared_ptr<const reuse::KeptReply> reply)
      : loop_(loop),
        relay_(relay),
        life_(std::move(life)),
        caller_(call.caller),
        peer_(call.exchange.peer_address()),
        text_(request_text(call)),
        share_(std::move(share)),
        reply_(std::move(reply)) {
    caller_.proof.reset();  // it was claimed for the call that this one is made for
    can_read_ = true;
  }
  ~Stream() override { reply_->end_refresh(loop_.now() + reuse::kRefreshPause); }

  IoResult try_read(std::span<char> into) override {
    const size_t bytes = std::min(into.size(), text_.size() - read_);
    if (bytes == 0) return {IoStatus::kBlocked, 0};
    std::memcpy(into.data(), text_.data() + read_, bytes);
    read_ += bytes;
    if (read_ == text_.size()) {
      std::string().swap(text_);
      read_ = 0;
      share_.release();
      can_read_ = false;
    }
    return {IoStatus::kOk, bytes};
  }
  IoResult try_write(std::span<const iovec> parts) override {
    size_t bytes = 0;
    for (const iovec& part : parts) bytes += part.iov_len;
    return {bytes > 0 ? IoStatus::kOk : IoStatus::kBlocked, bytes};
  }
  void close(bool) override {}
  void shut_write() override {}
  std::string peer_address() const override { return peer_; }

  Task<void> ask(edge::Exchange& exchange) { return relay_.serve_as(exchange, caller_); }

 private:
  runtime::Loop& loop_;
  Relay& relay_;
  const std::shared_ptr<const void> life_;
  auth::Caller caller_;
  const std::string peer_;
  std::string text_;
  size_t read_ = 0;
  BudgetShare share_;
  const std::shared_ptr<const reuse::KeptReply> reply_;
};

Refreshes::Refreshes(const Parts& parts)
    : parts_(parts),
      server_({.loop = parts.loop,
               .config = config_,
               .handler = *this,
               .request_bytes = parts.request_bytes,
               .connections = connections_}) {}

Refreshes::~Refreshes() = default;

void Refreshes::begin(Relay& relay, std::shared_ptr<const void> life, const Call& call,
                      std::shared_ptr<const reuse::KeptReply> reply) {
  BudgetShare share(parts_.reply_bytes);
  if (server_.draining() || server_.open() >= reuse::kRefreshesMax || !share.resize(call.exchange.body().size())) {
    parts_.metrics.refresh_skipped();
    return;
  }
  if (!reply->claim_refresh(parts_.loop.now())) return;
  server_.adopt(
      std::make_unique<Stream>(parts_.loop, relay, std::move(life), call, std::move(share), std::move(reply)));
}

void Refreshes::cut() { server_.cut(); }

Task<void> Refreshes::serve(edge::Exchange& exchange) {
  auto& stream = static_cast<Stream&>(exchange.stream());
  metrics::Held counted = parts_.metrics.refresh();
  co_await stream.ask(exchange);
}

edge::Refusal Refreshes::refuse(http::HeadError, const Error&, std::string_view) { return {}; }

}  // namespace baton::relay
